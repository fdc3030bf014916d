/**
 * Stateless answers: any token is answered for one account. The answer of http-01 is the token and the thumbprint of
 * the account's key (RFC 8555, 8.1), so who knows the thumbprint need not know the token before. Pure.
 */
import { isToken } from '../challenge.js'

/** What is answered without being armed. */
export interface Stateless {
  /** The thumbprint of the account's key: base64url, 43 characters. */
  readonly thumbprint: string
  /**
   * The names that are answered for, in lower case, without a dot at the end; none stands for all of them. `*.` stands
   * for any one label, as in a certificate. An IPv6 address has no brackets.
   */
  readonly names: readonly string[]
}

/** Returns whether a value is the thumbprint of a key: SHA-256 (RFC 8555, 8.1; RFC 7638), as base64url. */
export function isThumbprint(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9_-]{43}$/.test(value)
}

/** Returns the answer to a token; `undefined` when it is no token. */
export function statelessAnswer({ thumbprint }: Stateless, token: string): string | undefined {
  return isToken(token) ? `${token}.${thumbprint}` : undefined
}

/** Returns whether it is answered for this host, as a Host field has it: case, port, brackets and last dot aside. */
export function isAnsweredFor({ names }: Stateless, host: string): boolean {
  if (names.length === 0) return true
  const [, bracketed, plain] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::\d{1,5})?$/i.exec(host) ?? []
  const name = (bracketed ?? plain ?? '').toLowerCase().replace(/(?<=.)\.$/, '')
  return names.some((wanted) => (wanted.startsWith('*.') ? name.replace(/^[^.]+/, '*') === wanted : name === wanted))
}
