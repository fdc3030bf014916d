/**
 * TCP sequence numbers: 32 bits, compared modulo 2^32 (RFC 9293, 3.4). Plain `<` or `+` on them is always a mistake;
 * TCP timestamps are compared the same way (RFC 7323, 5.2).
 */

/** Returns the sequence number `count` bytes after `sequence`; `count` may be negative. */
export function seqAdd(sequence: number, count: number): number {
  return (sequence + count) >>> 0
}

/** Returns how many bytes `a` is ahead of `b`. It is negative when `a` is behind, in [-2^31, 2^31). */
export function seqDiff(a: number, b: number): number {
  return (a - b) | 0
}

/** Returns whether `a` comes before `b`. */
export function seqBefore(a: number, b: number): boolean {
  return seqDiff(a, b) < 0
}
