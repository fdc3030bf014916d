/** Shows what is watched, as a table that is drawn anew or as lines of JSON. It writes by the function it is given. */
import type { WatchEvent } from '../../watch/events.js'
import { formatEvent } from '../../watch/json-lines.js'
import { redraw, renderTable, type Row, type TableContents, type Terminal } from '../../watch/table.js'

/** Where events are shown. */
export interface WatchView {
  show(events: readonly WatchEvent[]): void
  /** Shows that packets were missed. */
  showMissed(packets: number): void
  /** Draws what has changed. To be called now and then. */
  draw(): void
}

/** The number of rows kept, more than any terminal has lines. */
const MOST_ROWS = 500

/** Returns a view that writes a line for each event. The first line says that watching has begun. */
export function jsonView(port: number, write: (text: string) => void): WatchView {
  write(`${JSON.stringify({ event: 'watching', time: new Date().toISOString(), port })}\n`)
  return {
    show: (events) => {
      for (const event of events) write(`${formatEvent(event)}\n`)
    },
    showMissed: (packets) => write(`${JSON.stringify({ event: 'missed', time: new Date().toISOString(), packets })}\n`),
    draw: () => undefined,
  }
}

/** Returns a view that draws a table on a terminal. Its size is asked for at each drawing. */
export function tableView(port: number, terminal: () => Terminal, write: (text: string) => void): WatchView {
  const rows = new Map<number, Row>()
  let contents: TableContents = { port, rows: [], requests: 0, attempts: { refused: 0, unanswered: 0 }, missed: 0 }
  let isStale = true
  let drawn = { lines: 0, columns: 0 }
  const take = (event: WatchEvent): void => {
    if (event.event === 'attempt') {
      const { attempt } = event
      contents = {
        ...contents,
        newestAttempt: attempt,
        attempts: { ...contents.attempts, [attempt.outcome]: contents.attempts[attempt.outcome] + 1 },
      }
      return
    }
    const { request } = event
    rows.set(request.id, event.event === 'answer' ? { request, answer: event.answer } : { request })
    contents = { ...contents, requests: Math.max(contents.requests, request.id) }
    for (const oldest of rows.keys()) {
      if (rows.size <= MOST_ROWS) break
      rows.delete(oldest)
    }
  }
  return {
    show: (events) => {
      events.forEach(take)
      isStale ||= events.length > 0
    },
    showMissed: (packets) => {
      contents = { ...contents, missed: contents.missed + packets }
      isStale = true
    },
    draw: () => {
      const size = terminal()
      const isResized = drawn.columns !== size.columns
      if (!isStale && !isResized) return
      const lines = renderTable({ ...contents, rows: [...rows.values()] }, size)
      // In a narrower terminal lines have wrapped, so it is not known where the table begins.
      const clear = isResized && drawn.columns !== 0 ? '\u001B[2J\u001B[H' : ''
      write(clear + redraw(clear === '' ? Math.min(drawn.lines, size.lines - 1) : 0, lines))
      drawn = { lines: lines.length, columns: size.columns }
      isStale = false
    },
  }
}
