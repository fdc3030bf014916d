/** Numbers and lists in a sentence. */

/** At most so many members of a list are named. */
const MOST = 4

/** `a`, `a and b`, `a, b and c`, `a, b, c, d and 3 more`. */
export function list(members: readonly string[]): string {
  const named = members.length > MOST + 1 ? [...members.slice(0, MOST), `${members.length - MOST} more`] : members
  return named.length < 2 ? named.join('') : `${named.slice(0, -1).join(', ')} and ${named.at(-1) ?? ''}`
}

/** `1 request`, `2 requests`; `plural` where an s is not enough. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`
}
