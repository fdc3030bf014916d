/**
 * The Internet checksum (RFC 1071): the ones' complement of the ones' complement sum of 16-bit big-endian words.
 */

/**
 * Adds the 16-bit words of `bytes[from, to)` to `initial`; an odd last byte counts as the high half of a word.
 * The sum is not folded: up to 2^53 / 65535 words may be added before `foldChecksum`.
 */
export function sumWords(bytes: Uint8Array, from: number, to: number, initial = 0): number {
  let sum = initial
  let at = from
  for (; at + 1 < to; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
  if (at < to) sum += (bytes[at] ?? 0) << 8
  return sum
}

/** Folds a sum of words to the 16-bit checksum that goes into the header; over correct bytes it gives 0. */
export function foldChecksum(sum: number): number {
  let folded = sum
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000)
  return ~folded & 0xffff
}
