/** What the kernel has to pick for the challenges that are armed, for all challenge types. Pure. */
import type { Selector } from '../wire/selector.js'
import type { ChallengeType } from './challenge.js'
import { dns01Selectors } from './dns-01/selector.js'
import { http01Selector } from './http-01/selector.js'
import { tlsAlpn01Selector } from './tls-alpn-01/selector.js'

/** What is wanted of one challenge type. */
export interface WantedOfType {
  readonly type: ChallengeType
  /** At least one, in ascending order. */
  readonly ports: readonly number[]
  /** The tokens that may be requested on these ports; with dns-01 names. */
  readonly tokens: readonly string[]
  /** Whether any other token is wanted too. */
  readonly wantsOthers?: boolean
}

/** Returns the selectors for what is wanted. */
export function selectorsFor(wanted: readonly WantedOfType[]): Selector[] {
  return wanted.flatMap(({ type, ports, tokens, wantsOthers }) => {
    if (type === 'http-01') return [http01Selector(ports, tokens, wantsOthers)]
    return type === 'dns-01' ? dns01Selectors(ports, tokens) : [tlsAlpn01Selector(ports)]
  })
}
