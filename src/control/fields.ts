/**
 * Checks of values that came over the control socket. The other end may be of another version, or taken over, so every
 * value is checked before it is used.
 */
import { isPrintable } from '../wire/printable.js'

/** An object whose values have not been looked at. */
export type Fields = Readonly<Record<string, unknown>>

/** Returns whether a value is an object, and not an array. */
export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Returns whether a value is a time, token, name or address: 1 to 255 characters, without blanks and without what
 * {@link isPrintable} rejects.
 */
export function isWord(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 255 && /^[^\s]+$/.test(value) && isPrintable(value)
}

/** Returns whether a value is a whole number, 0 or more. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** Returns whether a value is a port number, 1 to 65535. */
export function isPort(value: unknown): value is number {
  return isCount(value) && value >= 1 && value <= 65535
}

/** Returns whether a value is an array of at most `most` members that all pass the check. */
export function isListOf<Member>(
  value: unknown,
  most: number,
  isMember: (member: unknown) => member is Member,
): value is Member[] {
  return Array.isArray(value) && value.length <= most && value.every(isMember)
}

/**
 * Returns every member as `read` returns it. Returns `undefined` when one of them is, for more than `most`, and for
 * what is not an array.
 */
export function readList<Member>(
  value: unknown,
  most: number,
  read: (member: unknown) => Member | undefined,
): Member[] | undefined {
  if (!Array.isArray(value) || value.length > most) return undefined
  const members = value.map(read)
  return members.every((member) => member !== undefined) ? members : undefined
}

/** Longest sentence that is passed on, in characters. */
const MAX_SENTENCE = 1_000

/**
 * Returns free text for people, cut to 1,000 characters; `undefined` for what is not text. It is made printable where
 * it is printed.
 */
export function readSentence(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  return value.length <= MAX_SENTENCE ? value : `${value.slice(0, MAX_SENTENCE)}…`
}
