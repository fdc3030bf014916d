/** What a hook requests to check ports that have not been checked yet. */
import { challengeName } from '../challenge/dns-01/names.js'
import { isKeyAuthorization, isToken } from '../challenge/challenge.js'
import { isListOf, isObject, isPort } from './fields.js'
import type { IpVersion } from '../wire/ip.js'

/**
 * The order of a self-check. Its token is forgotten by a disarm, or with the challenge whose hook received it. It is
 * not a challenge, and does not keep a responder running.
 */
export interface SelfCheckOrder {
  /** Absent with http-01. */
  readonly type?: 'dns-01' | 'tls-alpn-01'
  readonly token: string
  /** The answer: with dns-01 the value of {@link checkedName}. */
  readonly keyAuthorization: string
  readonly ports: readonly number[]
  readonly families: readonly IpVersion[]
}

/** Returns the name that is asked for with dns-01. Nobody has it (RFC 6761, 6.4). */
export function checkedName(token: string): string {
  return challengeName(`${token}.invalid`)
}

/** Returns the name that is asked for with tls-alpn-01. Nobody has it either. */
export function checkedServerName(token: string): string {
  return `${token}.invalid`.toLowerCase()
}

/** The most ports that are read, and that one hook tries. */
const MAX_PORTS = 1_000
const TRIED_PORTS = 16

/**
 * Reads an order. Returns `undefined` when it is not one. Whoever has taken the responder over may have made it up, and
 * the hook carries it out as root. So it sends a request that contains nothing but a token of this kind, to few ports,
 * at addresses of this machine that it looks up itself.
 */
export function readSelfCheckOrder(value: unknown): SelfCheckOrder | undefined {
  if (!isObject(value)) return undefined
  const { type, token, keyAuthorization, ports, families } = value
  if (type !== undefined && type !== 'dns-01' && type !== 'tls-alpn-01') return undefined
  if (!isToken(token) || !token.endsWith(SUFFIX) || !isToken(token.slice(0, -SUFFIX.length))) return undefined
  if (type && token.length > LONGEST_LABEL) return undefined
  if (!isKeyAuthorization(keyAuthorization, token)) return undefined
  if (!isListOf(ports, MAX_PORTS, isPort) || !isListOf(families, 2, isFamily)) return undefined
  return {
    ...(type && { type }),
    token,
    keyAuthorization,
    ports: [...new Set(ports)].slice(0, TRIED_PORTS),
    families: [...new Set(families)],
  }
}

/** With dns-01 and tls-alpn-01 the token is a label of a name (RFC 1035, 2.3.4). */
const LONGEST_LABEL = 63

/** What the token of an order ends with. It is never a challenge's, because the hook disarms it afterwards. */
const SUFFIX = '-self-check'

function isFamily(value: unknown): value is IpVersion {
  return value === 4 || value === 6
}
