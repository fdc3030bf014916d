/** The chains that select: every packet's, and those of each selector. */
import type { Selector } from '../../wire/selector.js'
import { UNARMED_QUEUED, type Ruleset } from '../ruleset.js'
import { chain, destinations, mask, queueStatement } from './expressions.js'
import type { Scope } from './scope.js'
import { startChain } from './start-chains.js'

/**
 * The chain that every segment passes. It therefore has few rules and looks at no port: what these rules match is rare,
 * and the port is compared afterwards.
 */
export function selectChain({ ruleset, byMark, toStarts }: Scope): string {
  const isMarked = `ct mark and ${mask(ruleset.mark)} != 0`
  return chain('select', [
    ...(byMark ? [`${isMarked} jump marked`, 'ct state untracked jump followed'] : ['jump followed']),
    ...toStarts,
  ])
}

/** Returns the chains of one selector, which count from 1 on: those that compare its starts, and where these go to. */
export function selectorChains(scope: Scope, selector: Selector, place: number): string[] {
  const { family, keySets, toQueue, isLetGo, unmark } = scope
  const { transport, starts, keys, wantsOthers, isLimited } = selector
  const to = (onward: string) =>
    destinations(selector, family.isTracked).map((destination) => `${destination} ${onward}`)
  const chains = [chain(`armed-${place}`, to(transport === 'udp' ? toQueue : isLimited ? 'goto limited' : 'goto take'))]
  if (transport === 'tcp') chains.push(chain(`incomplete-${place}`, to('goto undecided')))
  if (keys !== 'any')
    chains.push(
      chain(`unarmed-${place}`, [
        // A copy that was queued before passes here again.
        `${isLetGo} ${unmark} accept`,
        ...to(`counter name unarmed ${wantsOthers ? 'goto others' : `limit rate ${UNARMED_QUEUED}/second ${toQueue}`}`),
      ]),
    )
  return [...chains, ...starts.map((start, index) => startChain(selector, start, place, index + 1, keySets))]
}

/** Returns the chain of the selection `port`: it queues all traffic of the ports. */
export function portChain({ selectors, queue }: Ruleset, isTracked: boolean): string {
  return chain(
    'select',
    selectors
      .flatMap((selector) => destinations(selector, isTracked))
      .map((destination) => `${destination} ${queueStatement(queue)}`),
  )
}
