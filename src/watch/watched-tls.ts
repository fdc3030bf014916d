import { printableBytes } from '../wire/printable.js'
import { ACME_TLS, LONGEST_HELLO, readClientHello } from '../wire/tls/tls-hello.js'
import type { Protocol, ReadAnswer } from './protocol.js'

/** TLS: a ClientHello that offers what tls-alpn-01 is validated by (RFC 8737, 3). */
export const watchedTls: Protocol = {
  mostBytes: () => LONGEST_HELLO,
  read: (stream) => {
    const hello = readClientHello(stream)
    if (hello === 'other') return 'other'
    if (!hello.isWhole) return 'partial'
    const { alpn, serverName } = hello
    if (!alpn?.includes(ACME_TLS)) return 'other'
    return {
      shown: {
        type: 'tls-alpn-01',
        ...(serverName !== undefined && { serverName: printableBytes(bytesOf(serverName)) }),
        alpn: alpn.map((name) => printableBytes(bytesOf(name))),
      },
      length: stream.length,
      readAnswer: readRecord,
    }
  },
}

/** Reads the server's first record (RFC 8446, 5.1). An alert before any handshake is not encrypted. */
function readRecord(bytes: Uint8Array, bodyBytes: number): ReadAnswer {
  const [type, major = MAJOR] = bytes
  const isRecord = major === MAJOR
  if (isRecord && type === HANDSHAKE) return { answer: { outcome: 'answered', record: 'handshake' }, isEnough: true }
  if (isRecord && type === ALERT) {
    const number = bytes[DESCRIPTION]
    const alert = number === undefined ? {} : { alert: ALERTS.get(number) ?? `${number}` }
    return { answer: { outcome: 'answered', record: 'alert', ...alert }, isEnough: number !== undefined }
  }
  return {
    answer: { outcome: 'not-tls', body: printableBytes(bytes.subarray(0, bodyBytes)) },
    isEnough: bytes.length >= bodyBytes,
  }
}

/** One byte for each character, as `readClientHello` gives them. */
function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

const ALERT = 0x15
const HANDSHAKE = 0x16
/** SSL 3.0 to TLS 1.3. */
const MAJOR = 3
/** Where an alert says what it is: after the record's head and the level. */
const DESCRIPTION = 6

/** What a server may answer a ClientHello with (RFC 8446, 6.2; RFC 6066, 9; RFC 7301, 3.2). */
const ALERTS: ReadonlyMap<number, string> = new Map([
  [0, 'close_notify'],
  [10, 'unexpected_message'],
  [40, 'handshake_failure'],
  [47, 'illegal_parameter'],
  [50, 'decode_error'],
  [70, 'protocol_version'],
  [71, 'insufficient_security'],
  [80, 'internal_error'],
  [86, 'inappropriate_fallback'],
  [109, 'missing_extension'],
  [112, 'unrecognized_name'],
  [120, 'no_application_protocol'],
])
