/**
 * Returns the candidate that a mistyped word most likely stands for: one that it begins, or one that few typing
 * mistakes lead to. Undefined when none is near. Pure.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const begun = candidates.filter((candidate) => word.length >= 2 && candidate.startsWith(word))
  if (begun.length === 1) return begun[0]
  const most = Math.max(1, Math.floor(word.length / 3))
  return candidates
    .map((candidate) => ({ candidate, mistakes: mistakesBetween(word, candidate) }))
    .filter(({ mistakes }) => mistakes <= most)
    .sort((one, other) => one.mistakes - other.mistakes)[0]?.candidate
}

/**
 * Returns the fewest mistakes that make one word of another: a letter too many, too few, wrong, or two exchanged
 * (optimal string alignment distance).
 */
function mistakesBetween(one: string, other: string): number {
  const table = Array.from({ length: one.length + 1 }, (_, row) => [row])
  const at = (row: number, column: number): number => table[row]?.[column] ?? Infinity
  for (let row = 0; row <= one.length; row++) {
    for (let column = row === 0 ? 0 : 1; column <= other.length; column++) {
      if (row === 0) {
        table[0]?.splice(column, 1, column)
        continue
      }
      const isSame = one[row - 1] === other[column - 1]
      const isExchanged =
        row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]
      const fewest = Math.min(
        at(row - 1, column) + 1,
        at(row, column - 1) + 1,
        at(row - 1, column - 1) + (isSame ? 0 : 1),
        isExchanged ? at(row - 2, column - 2) + 1 : Infinity,
      )
      table[row]?.splice(column, 1, fewest)
    }
  }
  return at(one.length, other.length)
}
