/**
 * Bytes from the wire as printable ASCII: `\r`, `\n`, `\t`, `\\`, and `\xNN` for every other byte outside 0x20 to 0x7e. So nothing that a client or server
 * sends can steer a terminal.
 */
export function escapeBytes(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += SHORT[byte] ?? (byte >= 0x20 && byte <= 0x7e ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`)
  return text
}

const SHORT: Readonly<Record<number, string>> = { 0x09: '\\t', 0x0a: '\\n', 0x0d: '\\r', 0x5c: '\\\\' }
