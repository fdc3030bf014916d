/** The Host field of a request (RFC 9112, 3.2), read from the first bytes of a stream. */

/** The longest head that is read, in bytes. A validator's has a few hundred. */
export const MAX_HEAD = 2_048

const COLON = 0x3a
const CR = 0x0d
const LF = 0x0a

/**
 * Returns the value of the one Host field of a request head; `partial` while the head has not ended; `other` when there
 * is none, or more than one, when it is empty, when a line is not a field (RFC 9112, 5), or when the head is longer
 * than {@link MAX_HEAD}. The request line is not looked at. A line ends with CRLF or LF.
 */
export function readHost(bytes: Uint8Array): { readonly host: string } | 'partial' | 'other' {
  let host: string | undefined
  let start = bytes.indexOf(LF) + 1
  if (start === 0) return bytes.length < MAX_HEAD ? 'partial' : 'other'
  for (;;) {
    const end = bytes.indexOf(LF, start)
    if (end < 0 || end >= MAX_HEAD) return end < 0 && bytes.length < MAX_HEAD ? 'partial' : 'other'
    const line = bytes.subarray(start, bytes[end - 1] === CR ? Math.max(start, end - 1) : end)
    if (line.length === 0) return host === undefined || host === '' ? 'other' : { host }
    const colon = line.indexOf(COLON)
    const name = latin1(line.subarray(0, Math.max(colon, 0)))
    if (!FIELD_NAME.test(name) || line.includes(CR)) return 'other'
    if (name.toLowerCase() === 'host') {
      if (host !== undefined) return 'other'
      host = latin1(line.subarray(colon + 1)).replace(/^[ \t]+|[ \t]+$/g, '')
    }
    start = end + 1
  }
}

/** RFC 9110, 5.6.2: a token. A line that continues the one before begins with a blank, and so is no field. */
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}
