/** What a self-check found out, in words. */
import type { Visit } from '../../control/challenge-status.js'
import type { AskResult } from './ask.js'
import type { IpVersion } from '../../wire/ip.js'

export interface CheckedPort {
  readonly port: number
  readonly version: IpVersion
  /**
   * Whether rules send the port on to another machine, such as a container; undefined where that could not be found
   * out.
   */
  readonly isTranslated: boolean | undefined
  /** In the order in which they were asked for; the last one that is known counts, unless one is good. */
  readonly results: readonly AskResult[]
}

const SENTENCES = {
  'nobody': (place: string) => `nobody accepts connections to ${place}`,
  'not accepted': (place: string) => `no connection to ${place} was accepted: a firewall rule may drop it`,
  'not seen': (place: string) =>
    `a connection to ${place} was accepted, but the request on it did not reach the responder: a firewall rule may drop it, or let it pass before ours`,
  'other': (place: string) =>
    `a request to ${place} was answered by another than the responder: a firewall rule may let it pass before ours`,
  'lost': (place: string) =>
    `the responder's answer to a request to ${place} did not arrive: a firewall rule may drop it`,
} as const

type Fault = keyof typeof SENTENCES

/**
 * One line for a person; nothing when all is well, or nothing is known. `seen` is what the responder knows of those who
 * asked; undefined where it does not tell. What is slow is no fault: a request that the responder has seen is on its
 * way. Nor is a family that nobody listens by while the other one works, nor a refusal where a rule that sends the port
 * on may be for some interfaces only.
 */
export function warningOf(checked: readonly CheckedPort[], seen: readonly Visit[] | undefined): string | undefined {
  const isReached = (port: number) => checked.some((one) => one.port === port && isAnswered(one))
  const faults = checked.flatMap((one) => {
    const fault = faultOf(one, seen)
    const isNone = fault === undefined || (fault === 'nobody' && (one.isTranslated !== false || isReached(one.port)))
    return isNone ? [] : [SENTENCES[fault](`port ${one.port} by IPv${one.version}`)]
  })
  if (faults.length === 0) return undefined
  return `certbot-nfq: self-check: ${faults.join('; ')}. The challenge is armed all the same. [docs/self-check.md]`
}

function isAnswered({ results }: CheckedPort): boolean {
  return results.some(({ state }) => state === 'answered')
}

function faultOf(checked: CheckedPort, seen: readonly Visit[] | undefined): Fault | undefined {
  const results = checked.results.filter(({ state }) => state !== 'unknown')
  const stateOf = ({ client }: AskResult) => seen?.findLast((visit) => visit.client === client)?.state
  const isUnderWay = (result: AskResult) => !['answered', undefined].includes(stateOf(result))
  const result = results.at(-1)
  if (!result || isAnswered(checked) || results.some(isUnderWay)) return undefined
  if (result.state === 'refused') return 'nobody'
  if (result.state === 'not accepted') return 'not accepted'
  // Whether it came to the responder, only that one can tell.
  if (!seen) return undefined
  if (result.state === 'silent') return stateOf(result) ? 'lost' : 'not seen'
  return stateOf(result) ? undefined : 'other'
}
