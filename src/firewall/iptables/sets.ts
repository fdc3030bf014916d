/** The ip_sets that our rules refer to. */
import type { SetKind } from '../../kernel/ip-sets.js'
import type { IpVersion } from '../../wire/ip.js'
import type { Selector } from '../../wire/selector.js'
import { FOLLOWED_SECONDS, OTHERS_QUEUED, SEEN_SECONDS, SOURCE_BITS } from '../ruleset.js'

/** The names of a tag's ip_sets for one IP version. */
export type SetNames = ReturnType<typeof setNames>

/** Returns the names of the ip_sets that the rules of a tag refer to, of at most 31 bytes. */
export function setNames(tag: string, version: IpVersion) {
  const name = `certbot-nfq-${tag}-${version}`
  return {
    /** Sources (address and port) that are followed, where the connection mark is not used. */
    followed: name,
    /** Sources whose incomplete payload was queued a short time ago. */
    seen: `${name}s`,
    /** Addresses of incomplete payloads, each with a count of the last second. */
    halves: `${name}h`,
    /** Sources of requests with other keys than the armed ones, each with a count. */
    askers: `${name}a`,
    /** Sources of what anybody can send, each with a count. */
    limited: `${name}t`,
  }
}

/**
 * Returns the ip_sets that the rules of a tag refer to. They have to exist before the rules. `selectors` are those of
 * the rules; by default all sets that there may be are returned.
 */
export function setsFor(
  tag: string,
  version: IpVersion,
  selectors: readonly Pick<Selector, 'wantsOthers' | 'isLimited'>[] = [{ wantsOthers: true, isLimited: true }],
): { readonly name: string; readonly kind: SetKind }[] {
  const { followed, seen, halves, askers, limited } = setNames(tag, version)
  const { perSecond, atOnce } = OTHERS_QUEUED.perSource
  const kind: SetKind = { of: 'address', seconds: atOnce / perSecond, ...(version === 6 && { bits: SOURCE_BITS }) }
  return [
    { name: followed, kind: { of: 'address and port', seconds: FOLLOWED_SECONDS.incomplete } },
    { name: seen, kind: { of: 'address and port', seconds: SEEN_SECONDS } },
    { name: halves, kind: { of: 'address', seconds: 1 } },
    ...(selectors.some(({ wantsOthers }) => wantsOthers) ? [{ name: askers, kind }] : []),
    ...(selectors.some(({ isLimited }) => isLimited) ? [{ name: limited, kind }] : []),
  ]
}
