/** Compares output that a page shows with what a program prints, but for what differs from run to run. */

/** The lines of a page that are shown as output: indented by four blanks, in any block. */
export function samplesIn(markdown: string): string[] {
  const lines = markdown.replace(/^```.*?^```$/gms, '').split('\n')
  return lines.filter((line) => line.startsWith('    ')).map((line) => line.slice(4))
}

/**
 * Returns a line of output without what differs from run to run: times, addresses, tokens, paths, numbers, the program
 * that holds the rules, and a reason in brackets at the end.
 */
export function shapeOf(line: string): string {
  return line
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/\[[\da-f:]+\]:\d+|\d+(\.\d+){3}(:\d+)?|[\da-f]+:[\da-f:]*:[\da-f]*/g, 'ADDRESS')
    .replace(/[\w-]{16,}/g, 'TOKEN')
    .replace(/\/[\w./-]+/g, 'PATH')
    .replace(/\b(nft|iptables(-nft|-legacy)?)\b/g, 'PROGRAM')
    .replace(/ \([^()]*\)$/, ' (REASON)')
    .replace(/\d+(\.\d+)*/g, 'NUMBER')
    .trimEnd()
}

/** Returns a value of JSON with the kind of each value in its place; of a list, that of its first member. */
export function kindsOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(kindsOf)
  if (typeof value !== 'object' || value === null) return typeof value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, kindsOf(member)]))
}

/** The lines that are JSON objects, read. */
export function jsonLinesIn(lines: readonly string[]): Readonly<Record<string, unknown>>[] {
  return lines.filter((line) => line.startsWith('{"')).map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
}
