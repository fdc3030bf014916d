/** Who has asked a node for a challenge, on its way to the hook that cleans up. */
import { readVisits, type Visit } from '../control/challenge-status.js'
import { isObject, isWord } from '../control/fields.js'
import { open, seal } from './seal.js'

/** The newest visits that are told of. */
const MOST = 50

/** Returns the text in the store. `entry` is the challenge's id, `node` the node's id. */
export function sealVisits(
  entry: string,
  node: string,
  visits: readonly Visit[],
  name: string,
  secret: Uint8Array,
): string {
  return seal('visits', `${entry} ${node}`, { name, visits: visits.slice(-MOST) }, secret)
}

/** Returns the visits of all nodes, each with the name of its node, oldest first. What does not open is left out. */
export function openVisits(entry: string, sealed: ReadonlyMap<string, string>, secret: Uint8Array): Visit[] {
  return [...sealed]
    .flatMap(([node, text]) => {
      const opened = open('visits', `${entry} ${node}`, text, secret)
      if (typeof opened === 'string' || !isObject(opened.value)) return []
      const { name } = opened.value
      const visits = readVisits(opened.value['visits'])
      return visits && isWord(name) ? visits.map((visit) => ({ ...visit, node: name })) : []
    })
    .sort((one, other) => one.at.localeCompare(other.at))
}
