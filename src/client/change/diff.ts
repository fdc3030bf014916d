/** The number of lines shown before and after a change. */
const CONTEXT = 3

type Line = readonly [sign: ' ' | '-' | '+', text: string]

/**
 * Returns the change of a text in the form of `diff -u`, in one piece: from three lines before the first change to
 * three lines after the last. It is empty when there is none. It is for short texts: time and memory grow with the
 * product of their numbers of lines.
 */
export function formatDiff(path: string, before: string, after: string): string {
  const lines = compare(splitLines(before), splitLines(after))
  const changed = lines.flatMap(([sign], place) => (sign === ' ' ? [] : [place]))
  const [first, last] = [changed[0], changed.at(-1)]
  if (first === undefined || last === undefined) return ''
  const start = Math.max(0, first - CONTEXT)
  const shown = lines.slice(start, last + 1 + CONTEXT)
  // What is skipped is the same in both texts, so they begin at the same line.
  const range = (sign: '-' | '+') => {
    const count = shown.filter(([other]) => other === ' ' || other === sign).length
    return `${sign}${count === 0 ? start : start + 1},${count}`
  }
  const text = ([sign, line]: Line) =>
    line.endsWith('\n') ? `${sign}${line.slice(0, -1)}` : `${sign}${line}\n\\ No newline at end of file`
  return [`--- ${path}`, `+++ ${path}`, `@@ ${range('-')} ${range('+')} @@`, ...shown.map(text)].join('\n')
}

/** Returns lines with their line ends. Only the last one may have none. */
function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? []
}

/**
 * Returns a longest common subsequence. Between its lines are first those that are removed, then those that are added.
 */
function compare(before: readonly string[], after: readonly string[]): Line[] {
  const common: number[][] = Array.from({ length: before.length + 1 }, () =>
    new Array<number>(after.length + 1).fill(0),
  )
  const at = (row: number, column: number): number => common[row]?.[column] ?? 0
  for (let row = before.length - 1; row >= 0; row--) {
    for (let column = after.length - 1; column >= 0; column--) {
      const length =
        before[row] === after[column] ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1))
      common[row]?.splice(column, 1, length)
    }
  }
  const lines: Line[] = []
  let [row, column] = [0, 0]
  while (row < before.length || column < after.length) {
    const [old, fresh] = [before[row], after[column]]
    if (old !== undefined && old === fresh) {
      lines.push([' ', old])
      row++
      column++
    } else if (old !== undefined && (fresh === undefined || at(row + 1, column) >= at(row, column + 1))) {
      lines.push(['-', old])
      row++
    } else {
      lines.push(['+', fresh ?? ''])
      column++
    }
  }
  return lines
}
