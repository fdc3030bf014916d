/** The chains that queue a candidate, follow its connection, and let it go. */
import type { IpVersion } from '../../wire/ip.js'
import {
  FOLLOWED_SECONDS,
  FURTHER_QUEUED,
  furtherAtOnce,
  INCOMPLETE_QUEUED,
  LIMITED_QUEUED,
  OTHERS_QUEUED,
  SOURCE_BITS,
} from '../ruleset.js'
import { chain, complement, destinations, mask, originalPort, sourceAddress } from './expressions.js'
import type { Scope } from './scope.js'

/** The chain of candidates with an armed key. Only these renew the time limit of a source. */
export function takeChain(scope: Scope): string {
  return chain('take', taking(scope, 'update', FOLLOWED_SECONDS.armed))
}

/** The chain of payloads that end before the key does. It cannot shorten the time limit of a source (`add`). */
export function undecidedChain(scope: Scope): string {
  const { address, source, byMark } = scope
  const { perAddress, inAll } = INCOMPLETE_QUEUED
  const untracked = byMark ? 'ct state untracked ' : ''
  return chain('undecided', [
    `add @halves { ${address} limit rate over ${perAddress}/second burst ${perAddress} packets } return`,
    `${untracked}${source} @seen return`,
    `limit rate over ${inAll}/second burst ${inAll} packets return`,
    `${untracked}add @seen { ${source} }`,
    ...taking(scope, 'add', FOLLOWED_SECONDS.incomplete),
  ])
}

/** Returns the rules that follow and queue. A full set ends a rule that adds to it, so another rule queues. */
function taking({ ruleset, source, byMark, toQueue }: Scope, verb: 'add' | 'update', seconds: number): string[] {
  return [
    ...(byMark ? [`ct state != untracked ct mark set ct mark or ${mask(ruleset.mark)} ${toQueue}`] : []),
    `${verb} @followed { ${source} timeout ${seconds}s }`,
    toQueue,
  ]
}

/** The chain of keys that are not armed, where those are wanted too. */
export function othersChain({ family }: Scope): string {
  return chain('others', [...limits(family.version, 'askers', OTHERS_QUEUED), 'goto take'])
}

/** The chain of candidates of a kind that anybody can send. */
export function limitedChain({ family, isLetGo, unmark }: Scope): string {
  return chain('limited', [
    `${isLetGo} ${unmark} accept`,
    ...limits(family.version, 'limited-askers', LIMITED_QUEUED),
    'goto take',
  ])
}

/** Returns the rules that turn away what is beyond limits, with the set that counts each source. */
function limits(
  version: IpVersion,
  askers: string,
  { perSource, inAll }: typeof OTHERS_QUEUED | typeof LIMITED_QUEUED,
): string[] {
  const source = version === 4 ? sourceAddress(4) : `${sourceAddress(6)} and ${PREFIX_MASK}`
  return [
    `add @${askers} { ${source} limit rate over ${perSource.perSecond}/second burst ${perSource.atOnce} packets } return`,
    `limit rate over ${inAll.perSecond}/second burst ${inAll.atOnce} packets return`,
  ]
}

/** The mask of {@link SOURCE_BITS} bits. */
const PREFIX_MASK = `${Array(SOURCE_BITS / 16)
  .fill('ffff')
  .join(':')}::`

/** The chain of further packets. */
export function furtherChain({ ruleset, toQueue }: Scope): string {
  const { perSecond } = FURTHER_QUEUED
  return chain('further', [`limit rate ${perSecond}/second burst ${furtherAtOnce(ruleset)} packets ${toQueue}`])
}

/** The chain of packets with our connection mark. */
export function markedChain({ ruleset, ports, isLetGo, unmark }: Scope): string {
  return chain('marked', [
    `${isLetGo} ct mark set ct mark and ${complement(ruleset.mark)} ${unmark} accept`,
    ...ports.map((port) => `${originalPort('tcp', port)} goto further`),
  ])
}

/** The chain of packets whose source is followed. A candidate with an armed key renews the time limit. */
export function knownChain({ source, isLetGo, unmark, toStarts }: Scope): string {
  return chain('known', [`${isLetGo} delete @followed { ${source} } ${unmark} accept`, ...toStarts, 'goto further'])
}

/** The chain that looks whether the source of a packet is followed. */
export function followedChain({ family, ports, source, byMark }: Scope): string {
  const toPorts = byMark
    ? ports.map((port) => `tcp dport ${port}`)
    : destinations({ transport: 'tcp', ports }, family.isTracked)
  return chain(
    'followed',
    toPorts.map((to) => `${to} ${source} @followed goto known`),
  )
}
