/** Values as python3-configobj (4.7 and 5) writes and reads them, without interpolation. */
import { Failure } from '../../failure.js'

/** A string, or a list of strings. */
export type Value = string | readonly string[]

/** A value, and what stands behind it on its line: blanks, a comment, the line end. */
export interface FoundValue {
  readonly value: Value
  readonly after: string
}

/** One item: in double or single quotes, or bare, which ends before a comma, a comment or the line end. */
const ITEM = /"([^"\n]*)"|'([^'\n]*)'|([^'",#\s](?:[^,#\n]*[^,#\s])?)/y

/**
 * The value that the text begins with, which goes up to the line's end or, in triple quotes, over several lines.
 * Undefined when it is no value: a quote that is not closed, or something behind the value that is no comment.
 */
export function parseValue(text: string): FoundValue | undefined {
  const triple = /^("""|''')([^]*?)\1/.exec(text)
  if (triple) return end([triple[2] ?? ''], false, text.slice(triple[0].length))
  const items: string[] = []
  let at = 0
  let isList = false
  for (;;) {
    ITEM.lastIndex = at
    const match = ITEM.exec(text)
    if (match) items.push(match[1] ?? match[2] ?? match[3] ?? '')
    at += match?.[0].length ?? 0
    const comma = /^[ \t]*,/.exec(text.slice(at))?.[0]
    if (comma === undefined) return end(items, isList, text.slice(at))
    at += comma.length
    const isLast = /^\s*(#|$)/.test(text.slice(at))
    // A comma with nothing before it is the empty list, and only alone.
    if (!match && !(isLast && !isList)) return undefined
    if (isLast) return end(items, true, text.slice(at))
    isList = true
    at += /^[ \t]*/.exec(text.slice(at))?.[0].length ?? 0
  }
}

/**
 * A value as it is to be written: bare where that reads back the same, in quotes otherwise.
 * @throws Failure `bad-option` for one that no quotes can hold: a line end, or all kinds of quotes at once
 */
export function formatValue(value: Value): string {
  if (typeof value === 'string') return formatItem(value, ['"', "'", '"""', "'''"])
  // In a list there are no triple quotes.
  const items = value.map((item) => formatItem(item, ['"', "'"]))
  return items.length === 1 ? `${items.join('')},` : items.join(', ') || ','
}

function formatItem(item: string, quotes: readonly string[]): string {
  if (/^[\w./:=+@%-](?:[\w ./:=+@%-]*[\w./:=+@%-])?$/.test(item)) return item
  const quote = /[\r\n]/.test(item)
    ? undefined
    : quotes.find((quote) => !item.includes(quote) && !item.endsWith(quote.charAt(0)))
  if (quote === undefined)
    throw new Failure('bad-option', `certbot’s configuration cannot hold ${JSON.stringify(item)}`)
  return `${quote}${item}${quote}`
}

function end(items: readonly string[], isList: boolean, after: string): FoundValue | undefined {
  if (!/^[ \t]*(#.*)?\r?\n?$/.test(after)) return undefined
  return { value: isList ? items : (items[0] ?? ''), after }
}
