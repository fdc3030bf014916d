/** What a hook is to ask for, on ports that nobody has checked yet. */
import { isListOf, isObject, isPort } from './fields.js'
import type { IpVersion } from '../wire/ip.js'

/**
 * The token is forgotten by a disarm, or with the challenge whose hook was told; it is no challenge itself, and keeps
 * no responder.
 */
export interface SelfCheckOrder {
  readonly token: string
  readonly keyAuthorization: string
  readonly ports: readonly number[]
  readonly families: readonly IpVersion[]
}

/** Most ports that are read, and that one hook tries. */
const MAX_PORTS = 1_000
const TRIED_PORTS = 16

/**
 * Reads an order, which whoever has taken the responder over may have made up; `undefined` when it is none. The hook
 * carries it out as root: it sends a request that has nothing but a token of that kind in it, on few ports, to
 * addresses of this machine that it looks up itself.
 */
export function readSelfCheckOrder(value: unknown): SelfCheckOrder | undefined {
  if (!isObject(value)) return undefined
  const { token, keyAuthorization, ports, families } = value
  if (typeof token !== 'string' || !TOKEN.test(token)) return undefined
  if (
    typeof keyAuthorization !== 'string' ||
    !keyAuthorization.startsWith(`${token}.`) ||
    !THUMBPRINT.test(keyAuthorization.slice(token.length + 1))
  )
    return undefined
  if (!isListOf(ports, MAX_PORTS, isPort) || !isListOf(families, 2, isFamily)) return undefined
  return { token, keyAuthorization, ports: [...new Set(ports)].slice(0, TRIED_PORTS), families: [...new Set(families)] }
}

/** Never a challenge's: the hook disarms it afterwards. */
const TOKEN = /^self-check-[A-Za-z0-9_-]{16,64}$/
const THUMBPRINT = /^[A-Za-z0-9_-]{16,128}$/

function isFamily(value: unknown): value is IpVersion {
  return value === 4 || value === 6
}
