/**
 * Checks of values that came over the control socket. The other end may be of another version, or taken over: nothing
 * is believed before it was looked at.
 */
import { isPrintable } from '../wire/printable.js'

export type Fields = Readonly<Record<string, unknown>>

/** An object that is no array. */
export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * A time, token, name or address: 1 to 255 characters, none of them a blank or of the kind that {@link isPrintable}
 * finds.
 */
export function isWord(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 255 && /^[^\s]+$/.test(value) && isPrintable(value)
}

/** A whole number, 0 or more. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

export function isPort(value: unknown): value is number {
  return isCount(value) && value >= 1 && value <= 65535
}

/** An array of at most `most` members, all of which pass. */
export function isListOf<Member>(
  value: unknown,
  most: number,
  isMember: (member: unknown) => member is Member,
): value is Member[] {
  return Array.isArray(value) && value.length <= most && value.every(isMember)
}

/**
 * Every member as `read` gives it; `undefined` where one of them is, for more than `most`, and for what is no array.
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

/** Free text for people, cut to 1,000 characters; `undefined` for what is no text. Who prints it makes it printable. */
export function readSentence(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  return value.length <= MAX_SENTENCE ? value : `${value.slice(0, MAX_SENTENCE)}…`
}
