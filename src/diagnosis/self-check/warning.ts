/** The result of a self-check in words. */
import { printable } from '../../wire/printable.js'
import type { Visit } from '../../control/challenge-status.js'
import type { AskResult } from './asking.js'
import type { IpVersion } from '../../wire/ip.js'

/** A port, one IP version, and what its requests came to. */
export interface CheckedPort {
  readonly port: number
  readonly version: IpVersion
  /** Absent with TCP. */
  readonly transport?: 'udp'
  /** Whether rules send the port on to another machine, such as a container; undefined when that is not known. */
  readonly isTranslated: boolean | undefined
  /** Results in the order of the requests. The last one that is known counts, unless one is good. */
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

/** The same for UDP, which has no connections. */
const SENTENCES_OF_UDP = {
  ...SENTENCES,
  'nobody': (place: string) => `nobody listens on ${place}`,
  'not accepted': (place: string) => `no answer to a query to ${place}: a firewall rule may drop the one or the other`,
} as const satisfies Record<Fault, unknown>

/**
 * Returns in one line what is wrong, or nothing when all is well or nothing is known. `seen` is what the responder
 * knows of those who asked; undefined when it does not tell.
 *
 * These are no faults: a request that the responder has seen but not answered yet; an IP version that nobody listens by
 * while the other one works; a refusal where a rule sends the port on, which may be for some interfaces only.
 */
export function warningOf(checked: readonly CheckedPort[], seen: readonly Visit[] | undefined): string | undefined {
  const isReached = ({ port, transport }: CheckedPort) =>
    checked.some((one) => one.port === port && one.transport === transport && isAnswered(one))
  const faults = checked.flatMap((one) => {
    const fault = faultOf(one, seen)
    const isNone = fault === undefined || (fault === 'nobody' && (one.isTranslated !== false || isReached(one)))
    const how = one.transport === 'udp' ? 'UDP and ' : ''
    const sentences = one.transport === 'udp' ? SENTENCES_OF_UDP : SENTENCES
    return isNone ? [] : [sentences[fault](`port ${one.port} by ${how}IPv${one.version}`)]
  })
  if (faults.length === 0) return undefined
  return faults.join('; ')
}

const ADVICE = 'all the same. See what this machine does with the port with: certbot-nfq doctor'

/** What to do about a warning. docs/errors.md explains it; a test compares the two. */
export const SELF_CHECK_ADVICE = `The challenge is armed ${ADVICE}`

/**
 * Returns the two lines that a user reads: what is wrong, made printable, and what to do, with the code and where it is
 * explained. `page` is the path of docs/errors.md on this machine. `what` says what goes on all the same.
 */
export function describeWarning(warning: string, page = 'docs/errors.md', what = 'The challenge is armed'): string {
  return `certbot-nfq: self-check: ${printable(warning)}\n${what} ${ADVICE} [self-check, ${page}#self-check]`
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
  if (result.state === 'not accepted') return stateOf(result) ? 'lost' : 'not accepted'
  // Only the responder can tell whether the request has reached it.
  if (!seen) return undefined
  if (result.state === 'silent') return stateOf(result) ? 'lost' : 'not seen'
  return stateOf(result) ? undefined : 'other'
}
