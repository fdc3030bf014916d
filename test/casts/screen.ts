/** What a terminal shows of a program's output, as far as the programs here use a terminal. */

/** A run of characters in one style. */
export interface Span {
  readonly text: string
  readonly style: Style
}

/** How characters are shown. */
export type Style = 'plain' | 'bold' | 'red' | 'green' | 'yellow'

/** A line, and when it came: milliseconds since the program's start. */
export interface ScreenLine {
  readonly at: number
  readonly spans: readonly Span[]
}

/** A piece of output, and when it came: milliseconds since the program's start. */
export interface Chunk {
  readonly at: number
  readonly text: string
}

/** SGR parameters of ECMA-48. Others leave the style as it is. */
const STYLES: Readonly<Record<string, Style>> = {
  '': 'plain',
  '0': 'plain',
  '1': 'bold',
  '31': 'red',
  '32': 'green',
  '33': 'yellow',
}

/**
 * Returns the lines on the screen at the end. A line that was drawn anew with the same text keeps its time. Of control
 * sequences it knows cursor up (CUU), erase below (ED) and SGR; others are passed over.
 */
export function screenOf(chunks: readonly Chunk[]): ScreenLine[] {
  let lines: { at: number; spans: Span[] }[] = []
  let row = 0
  let style: Style = 'plain'
  const firstSeen = new Map<string, number>()
  for (const { at, text } of chunks) {
    for (const [piece] of text.matchAll(/\u001B\[[\d;?]*[A-Za-z]|\r|\n|[^\u001B\r\n]+/g)) {
      const [, parameter = '', final] = /^\u001B\[([\d;?]*)([A-Za-z])$/.exec(piece) ?? []
      if (final === 'A') row = Math.max(0, row - Number(parameter || 1))
      else if (final === 'J') lines = lines.slice(0, row)
      else if (final === 'm') style = STYLES[parameter] ?? style
      else if (piece === '\n') row += 1
      else if (final === undefined && piece !== '\r') {
        while (lines.length <= row) lines.push({ at, spans: [] })
        lines[row]?.spans.push({ text: piece, style })
      }
    }
  }
  for (const line of lines) {
    const text = textOf(line)
    const since = firstSeen.get(text) ?? line.at
    firstSeen.set(text, since)
    line.at = since
  }
  return lines
}

/** Returns the characters of a line. */
export function textOf({ spans }: Pick<ScreenLine, 'spans'>): string {
  return spans.map(({ text }) => text).join('')
}
