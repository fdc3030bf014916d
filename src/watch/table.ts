/** The table for a terminal, as text. What is known goes in, and lines come out. */
import type { WatchedAnswer, Attempt, WatchedRequest } from './events.js'
import { count, describeAnswer, type Colour } from './describe-answer.js'
import { ASKED_COLUMNS, describeRequest, describeWait, typeAt } from './describe-request.js'

/** A request, and its answer once there is one. */
export interface Row {
  readonly request: WatchedRequest
  readonly answer?: WatchedAnswer
}

/** All that the table shows. */
export interface TableContents {
  readonly port: number
  /** Oldest first. */
  readonly rows: readonly Row[]
  /** How many requests there were in all. */
  readonly requests: number
  /** How many attempts of each outcome, and the newest. */
  readonly attempts: Readonly<Record<Attempt['outcome'], number>>
  readonly newestAttempt?: Attempt
  /** Packets that were not seen, because too many came at once. */
  readonly missed: number
}

/** The terminal's size in characters, and whether it shows colours. */
export interface Terminal {
  readonly columns: number
  readonly lines: number
  readonly isColoured: boolean
}

/**
 * Returns lines that fit the terminal, with one line left for the cursor. When there are more rows than fit, the newest
 * are shown.
 */
export function renderTable(contents: TableContents, terminal: Terminal): string[] {
  const notes = notesOf(contents)
  const room = Math.max(1, terminal.lines - notes.length - 3)
  const shown = contents.rows.slice(-room)
  const cells = shown.map(cellsOf)
  // A port has requests of one type, as a rule. The newest one says which.
  const newest = shown.at(-1)?.request
  const asked = ASKED_COLUMNS[(newest ? newest.type : typeAt(contents.port)) ?? 'http-01']
  const titles = ['TIME', 'FROM', ...asked.titles, 'STATUS', 'MS', 'ANSWER']
  const most = [8, 47, ...asked.widths, 8, 8]
  const widths = titles.map((title, at) =>
    Math.min(most[at] ?? Infinity, Math.max(title.length, ...cells.map(({ texts }) => texts[at]?.length ?? 0))),
  )
  const fit = (texts: readonly string[]) =>
    cut(
      texts
        .map((text, at) => pad(cut(text, widths[at] ?? 0), widths[at] ?? 0, at))
        .join('  ')
        .trimEnd(),
      terminal.columns,
    )
  return [
    cut(
      `certbot-nfq watch: port ${contents.port}, ${count(contents.requests, 'request')} for challenges so far. Ctrl-C ends it.`,
      terminal.columns,
    ),
    paint(fit(titles), 'bold', terminal),
    ...cells.map(({ texts, colour }) => paint(fit(texts), colour, terminal)),
    ...notes.map((note) => paint(cut(note, terminal.columns), 'yellow', terminal)),
  ]
}

/** Returns the text that moves the cursor back over `before` lines and draws the lines anew. */
export function redraw(before: number, lines: readonly string[]): string {
  return `${before === 0 ? '' : `\u001B[${before}A`}\r\u001B[J${lines.map((line) => `${line}\n`).join('')}`
}

/** The column of milliseconds, which is aligned to the right. */
const MS = 5

function cellsOf({ request, answer }: Row): { texts: string[]; colour: Colour } {
  const { client, family } = request
  const { status, text, colour } = describeAnswer(answer)
  const from = family === 6 ? `[${client.address}]:${client.port}` : `${client.address}:${client.port}`
  const time = new Date(request.at).toTimeString().slice(0, 8)
  return {
    texts: [
      time,
      from,
      ...describeRequest(request),
      status,
      answer?.milliseconds?.toFixed(answer.milliseconds < 100 ? 2 : 0) ?? '',
      text,
    ],
    colour,
  }
}

function notesOf({ port, rows, attempts, newestAttempt, missed }: TableContents): string[] {
  const from = newestAttempt ? `, the last from ${newestAttempt.client.address}` : ''
  return [
    ...(rows.length === 0 ? [`Waiting for ${describeWait(port)}…`] : []),
    ...(attempts.refused > 0
      ? [`${count(attempts.refused, 'connection attempt')} refused: nothing listens, or a firewall rejects${from}`]
      : []),
    ...(attempts.unanswered > 0
      ? [`${count(attempts.unanswered, 'connection attempt')} without an answer: a firewall drops them here${from}`]
      : []),
    ...(missed > 0 ? [`${count(missed, 'packet')} not seen: too many at once`] : []),
  ]
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
}

function pad(text: string, width: number, column: number): string {
  return column === MS ? text.padStart(width) : text.padEnd(width)
}

function paint(text: string, colour: Colour | 'bold', { isColoured }: Terminal): string {
  return isColoured ? `\u001B[${CODES[colour]}m${text}\u001B[0m` : text
}

/** SGR parameters of ECMA-48. */
const CODES = { bold: 1, red: 31, green: 32, yellow: 33 } as const
