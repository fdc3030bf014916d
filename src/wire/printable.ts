/**
 * Makes text and bytes from elsewhere safe to show on a terminal: nothing in them moves the cursor, sets a colour,
 * reorders what is read, or hides.
 */

/**
 * The characters that a terminal obeys (C0 with line ends, DEL, C1), that reorder text (bidi controls), and that are
 * not seen (zero width, soft hyphen, line and paragraph separators, fillers, tags, lone surrogates, noncharacters).
 * They are ranges because Unicode's properties take longer to compile, which every hook would pay for.
 */
const STEERING =
  /[\0-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{1fffe}\u{1ffff}\u{2fffe}\u{2ffff}\u{3fffe}\u{3ffff}\u{4fffe}\u{4ffff}\u{5fffe}\u{5ffff}\u{6fffe}\u{6ffff}\u{7fffe}\u{7ffff}\u{8fffe}\u{8ffff}\u{9fffe}\u{9ffff}\u{afffe}\u{affff}\u{bfffe}\u{bffff}\u{cfffe}\u{cffff}\u{dfffe}\u{dffff}\u{e0000}-\u{10ffff}]/gu

/** Returns the text with each such character as `\n`, `\r`, `\t`, `\xNN` or `\u{NNNN}`. A backslash stays as it is. */
export function printable(text: string): string {
  return text.replace(STEERING, (character) => escape(character.codePointAt(0) ?? 0))
}

/** Returns whether {@link printable} leaves the text as it is. */
export function isPrintable(text: string): boolean {
  return text.search(STEERING) < 0
}

/**
 * Returns the same JSON with each such character as the `\uNNNN` that means it. Line ends stay. Outside of strings JSON
 * has none of the others.
 */
export function printableJson(json: string): string {
  const escapeUnit = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  return json.replace(STEERING, (character) =>
    character === '\n' ? character : character.split('').map(escapeUnit).join(''),
  )
}

/** Returns bytes as printable ASCII: `\r`, `\n`, `\t`, `\\`, and `\xNN` for each other byte outside 0x20 to 0x7e. */
export function printableBytes(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes)
    text += byte === 0x5c ? '\\\\' : byte >= 0x20 && byte <= 0x7e ? String.fromCharCode(byte) : escape(byte)
  return text
}

function escape(code: number): string {
  return SHORT[code] ?? (code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`)
}

const SHORT: Readonly<Record<number, string>> = { 0x09: '\\t', 0x0a: '\\n', 0x0d: '\\r' }

/** Returns the words of a key in camelCase: `takenOver` as `taken over`. */
export function wordsOf(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}
