/**
 * certbot's renewal configuration (/etc/letsencrypt/renewal/NAME.conf). It is INI as python3-configobj reads and writes
 * it. It is edited line by line, because comments and everything else in it belong to the user. Only `[renewalparams]`
 * above its first `[[subsection]]` is looked at.
 */
import { Failure } from '../../failure.js'
import { formatValue, parseValue, type Value } from './configobj-value.js'

/** Keys of `[renewalparams]` with the values that they should have. An array is a list. */
export type RenewalParameters = Readonly<Record<string, Value>>

interface Entry {
  /** Index of its first line, and of the line after its last. */
  readonly start: number
  readonly end: number
  readonly value: Value
  /** What precedes the value, such as `key = `, and what follows it: blanks and a comment. */
  readonly before: string
  readonly after: string
}

interface Section {
  readonly entries: ReadonlyMap<string, Entry>
  /** The line after its last entry. A new one is inserted there. */
  readonly end: number
}

/**
 * Returns the text with these parameters set. The value of an existing key is replaced where it stands, and new keys
 * follow the section's last entry. A key that has its value already is left as it is written, so doing it again changes
 * nothing. Line ends stay as they are.
 * @throws Failure `renewal-malformed` when the text has no `[renewalparams]`, or has a line that is not INI
 */
export function setRenewalParameters(text: string, parameters: RenewalParameters): string {
  const lines = splitLines(text)
  const { entries, end } = readSection(lines)
  const lineEnd = /\r\n/.test(text) ? '\r\n' : '\n'
  const replaced = new Map<number, { readonly until: number; readonly line: string }>()
  const added: string[] = []
  for (const [key, value] of Object.entries(parameters)) {
    const entry = entries.get(key)
    if (!entry) added.push(`${key} = ${formatValue(value)}${lineEnd}`)
    else if (!isSame(entry.value, value))
      replaced.set(entry.start, { until: entry.end, line: `${entry.before}${formatValue(value)}${entry.after}` })
  }
  const result: string[] = []
  for (let at = 0; at <= lines.length;) {
    if (at === end && added.length > 0) result.push(...endLine(result.pop() ?? '', lineEnd), ...added)
    const replacement = replaced.get(at)
    result.push(replacement?.line ?? lines[at] ?? '')
    at = replacement?.until ?? at + 1
  }
  return result.join('')
}

/**
 * Returns the parameters of `[renewalparams]`, without its subsections.
 * @throws Failure `renewal-malformed`
 */
export function readRenewalParameters(text: string): RenewalParameters {
  return Object.fromEntries([...readSection(splitLines(text)).entries].map(([key, { value }]) => [key, value]))
}

/** Returns lines with their line ends. Only the last one may have none. */
function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? []
}

function readSection(lines: readonly string[]): Section {
  const start = lines.findIndex((line) => /^\s*\[\s*(['"]?)renewalparams\1\s*\]\s*(#[^]*)?$/.test(line))
  if (start < 0) throw new Failure('renewal-malformed', 'it has no section [renewalparams]')
  const entries = new Map<string, Entry>()
  let end = start + 1
  for (let at = start + 1; at < lines.length;) {
    const line = lines[at] ?? ''
    if (/^\s*\[/.test(line)) break
    if (/^\s*(#[^]*)?$/.test(line)) {
      at++
      continue
    }
    const [key, entry] = readEntry(lines, at)
    if (entries.has(key)) throw new Failure('renewal-malformed', `it has ${key} twice`)
    entries.set(key, entry)
    end = at = entry.end
  }
  return { entries, end }
}

/** Reads one entry. A value in triple quotes may extend over several lines. */
function readEntry(lines: readonly string[], start: number): [string, Entry] {
  const [, before = '', quoted, bare = '', rest = ''] =
    /^(\s*(?:(["'].*?["'])|([^'"=].*?))\s*=[ \t]*)([^]*)$/.exec(lines[start] ?? '') ?? []
  if (before === '') throw new Failure('renewal-malformed', `its line ${start + 1} is neither a section nor an entry`)
  let text = rest
  for (let end = start + 1; ; end++) {
    const found = parseValue(text)
    if (found) return [quoted?.slice(1, -1) ?? bare.trim(), { start, end, before, ...found }]
    const next = lines[end]
    if (next === undefined || !/^("""|''')/.test(text))
      throw new Failure('renewal-malformed', `the value in its line ${start + 1} has no end`)
    text += next
  }
}

/** Gives a line a line end, which the last line of a file may lack. */
function endLine(line: string, lineEnd: string): string[] {
  return line === '' ? [] : [line.endsWith('\n') ? line : `${line}${lineEnd}`]
}

/** Compares values. To certbot a list of one value is the same as that value. */
function isSame(one: Value, other: Value): boolean {
  const [ones, others] = [[one].flat(), [other].flat()]
  return ones.length === others.length && ones.every((item, place) => item === others[place])
}
