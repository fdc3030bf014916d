/**
 * The field lines of an HTTP/1.1 head (RFC 9112, 5), read as leniently as browsers read them. A watcher shows what
 * there is and does not judge it.
 */

/** A head taken apart. */
export interface Head {
  /** The first line, without its end. */
  readonly firstLine: Uint8Array
  /** First value of each field, by its name in lower case. */
  readonly fields: ReadonlyMap<string, Uint8Array>
  /** Where the body begins; undefined until the blank line has come. */
  readonly end: number | undefined
}

/** Reads the complete lines, up to the blank line. Returns `undefined` while not even the first line is complete. */
export function readHead(bytes: Uint8Array): Head | undefined {
  let firstLine: Uint8Array | undefined
  const fields = new Map<string, Uint8Array>()
  for (let start = 0; ;) {
    const lineFeed = bytes.indexOf(LF, start)
    if (lineFeed < 0) return firstLine && { firstLine, fields, end: undefined }
    const line = bytes.subarray(start, bytes[lineFeed - 1] === CR && lineFeed > start ? lineFeed - 1 : lineFeed)
    start = lineFeed + 1
    if (!firstLine) firstLine = line
    else if (line.length === 0) return { firstLine, fields, end: start }
    else addField(fields, line)
  }
}

function addField(fields: Map<string, Uint8Array>, line: Uint8Array): void {
  const colon = line.indexOf(COLON)
  if (colon < 0) return
  const name = latin1(line.subarray(0, colon)).trim().toLowerCase()
  if (fields.has(name)) return
  let [from, to] = [colon + 1, line.length]
  while (from < to && isBlank(line[from])) from++
  while (to > from && isBlank(line[to - 1])) to--
  fields.set(name, line.subarray(from, to))
}

/** Returns bytes as text, one character for each byte. */
export function latin1(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09
}

const CR = 0x0d
const LF = 0x0a
const COLON = 0x3a
