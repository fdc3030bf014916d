/** Values as python3-configobj (4.7 and 5) writes and reads them, without interpolation. */
import { Failure } from '../../failure.js'

/** A string, or a list of strings. */
export type Value = string | readonly string[]

/** A value, and what follows it on its line: blanks, a comment, the line end. */
export interface FoundValue {
  readonly value: Value
  readonly after: string
}

/** One item: in double or single quotes, or bare, which ends before a comma, a comment or the line end. */
const ITEM = /"([^"\n]*)"|'([^'\n]*)'|([^'",#\s](?:[^,#\n]*[^,#\s])?)/y

/**
 * Reads the value that the text begins with. It ends at the end of the line or, in triple quotes, on a later line.
 * Returns `undefined` when it is not a value: a quote that is not closed, or something after the value that is not a
 * comment.
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
    // A comma alone is the empty list. Elsewhere there must be something before it.
    if (!match && !(isLast && !isList)) return undefined
    if (isLast) return end(items, true, text.slice(at))
    isList = true
    at += /^[ \t]*/.exec(text.slice(at))?.[0].length ?? 0
  }
}

/**
 * Returns a value in the form in which it is written: bare when that reads back the same, otherwise in quotes.
 * @throws Failure `bad-option` for a value that no quotes can hold: a line end, or all kinds of quotes at once
 */
export function formatValue(value: Value): string {
  if (typeof value === 'string') return formatItem(value, ['"', "'", '"""', "'''"])
  // A list cannot contain triple quotes.
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
