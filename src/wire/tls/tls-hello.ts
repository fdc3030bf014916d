/**
 * Reads the ClientHello at the start of a TLS connection (RFC 8446, 4.1.2; RFC 5246, 7.4.1.2): what the client offers
 * by ALPN (RFC 7301), and the name that it asks for (SNI: RFC 6066, 3). Pure, and it never throws.
 */

/** The protocol that a validator offers by ALPN, alone (RFC 8737, 6.2). */
export const ACME_TLS = 'acme-tls/1'

/** The most bytes of a stream that are looked at for a ClientHello, heads of records included. */
export const LONGEST_HELLO = 16_384

/** What has been seen of a ClientHello. */
export interface ClientHello {
  /** Whether the whole message has been seen. Until then, what is missing here may still come. */
  readonly isWhole: boolean
  /** The protocols that are offered by ALPN, at least one. Each character is one byte. */
  readonly alpn?: readonly string[]
  /** The host name of SNI, as it was sent. Each character is one byte. */
  readonly serverName?: string
}

/**
 * Reads the first bytes of a stream, up to {@link LONGEST_HELLO}. Returns what is known of the ClientHello so far, or
 * `other` as soon as it cannot be one, or breaks a rule that concerns ALPN or SNI. The message may be in one record or
 * in several. Extensions may stand in any order, and unknown ones are passed over (GREASE: RFC 8701).
 */
export function readClientHello(stream: Uint8Array): ClientHello | 'other' {
  const message = joinRecords(stream)
  if (message === 'other') return 'other'
  const [type, ...size] = message.subarray(0, MESSAGE_HEAD)
  if (type === undefined) return { isWhole: false }
  if (type !== CLIENT_HELLO) return 'other'
  if (size.length < MESSAGE_HEAD - 1) return { isWhole: false }
  const length = numberOf(size)
  if (RECORD_HEAD + MESSAGE_HEAD + length > LONGEST_HELLO) return 'other'
  const read = readBody({ bytes: message.subarray(MESSAGE_HEAD, MESSAGE_HEAD + length), length })
  const isTooLong = read !== 'other' && !read.isWhole && stream.length >= LONGEST_HELLO
  return isTooLong ? 'other' : read
}

const CLIENT_HELLO = 1
const MESSAGE_HEAD = 4

/** Type, version and length of a record (RFC 8446, 5.1). */
const RECORD_HEAD = 5
const HANDSHAKE = 0x16
const MAX_RECORD = 16_384

const SERVER_NAME = 0
const ALPN = 16

/** Returns the contents of the handshake records, one after the other, as far as they have come and are needed. */
function joinRecords(stream: Uint8Array): Uint8Array | 'other' {
  let message: Uint8Array = new Uint8Array(0)
  for (let at = 0; at < stream.length && !isComplete(message);) {
    const [type, major = MAJOR, minor = 0, ...size] = stream.subarray(at, at + RECORD_HEAD)
    if (type !== HANDSHAKE || major !== MAJOR || minor > NEWEST_MINOR) return 'other'
    if (size.length < 2) break
    const length = numberOf(size)
    // No handshake record is empty (RFC 8446, 5.1).
    if (length === 0 || length > MAX_RECORD) return 'other'
    at += RECORD_HEAD + length
    const content = stream.subarray(at - length, at)
    message = message.length === 0 ? content : Uint8Array.of(...message, ...content)
  }
  return message
}

/** SSL 3.0 to TLS 1.3, in a record and in a message. */
const MAJOR = 3
const NEWEST_MINOR = 4

/** Returns whether nothing after these bytes belongs to the message. */
function isComplete(message: Uint8Array): boolean {
  return message.length >= MESSAGE_HEAD + numberOf(message.subarray(1, MESSAGE_HEAD))
}

/** The part of a message that has come, and the length that it will have. */
interface Body {
  readonly bytes: Uint8Array
  readonly length: number
}

/** Bytes with their length before them, and where what follows them begins. */
interface Vector {
  readonly bytes: Uint8Array
  readonly next: number
}

function readBody(body: Body): ClientHello | 'other' {
  if (body.length < RANDOM_END || (body.bytes[0] ?? MAJOR) !== MAJOR) return 'other'
  let at = RANDOM_END
  // The session id, the cipher suites, and the compression methods.
  for (const size of [1, 2, 1]) {
    const vector = vectorAt(body, at, size)
    if (vector === 'other') return 'other'
    if (vector === 'partial') return { isWhole: false }
    at = vector.next
  }
  // A message without extensions ends here.
  if (at === body.length) return { isWhole: true }
  const extensions = at + 2
  if (extensions > body.length) return 'other'
  if (extensions > body.bytes.length) return { isWhole: false }
  if (extensions + numberOf(body.bytes.subarray(at, extensions)) !== body.length) return 'other'
  return readExtensions(body, extensions)
}

/** Where the session id begins: after the version and the random bytes. */
const RANDOM_END = 34

function readExtensions(body: Body, from: number): ClientHello | 'other' {
  let known: Omit<ClientHello, 'isWhole'> = {}
  for (let at = from; at < body.length;) {
    const vector = vectorAt(body, at + 2, 2)
    if (vector === 'other') return 'other'
    if (vector === 'partial') return { isWhole: false, ...known }
    const type = numberOf(body.bytes.subarray(at, at + 2))
    const read = type === ALPN ? readAlpn(vector.bytes) : type === SERVER_NAME ? readServerName(vector.bytes) : {}
    // No extension may come twice (RFC 8446, 4.2).
    if (read === 'other' || Object.keys(read).some((name) => name in known)) return 'other'
    known = { ...known, ...read }
    at = vector.next
  }
  return { isWhole: true, ...known }
}

function readAlpn(extension: Uint8Array): Pick<ClientHello, 'alpn'> | 'other' {
  const list = onlyVector(extension)
  if (list === 'other') return 'other'
  const alpn: string[] = []
  for (let at = 0; at < list.length;) {
    const name = vectorAt({ bytes: list, length: list.length }, at, 1)
    if (typeof name === 'string' || name.bytes.length === 0) return 'other'
    alpn.push(latin1(name.bytes))
    at = name.next
  }
  return alpn.length === 0 ? 'other' : { alpn }
}

/** Reads a list with one name of the only type that there is. */
function readServerName(extension: Uint8Array): Pick<ClientHello, 'serverName'> | 'other' {
  const list = onlyVector(extension)
  if (list === 'other' || list[0] !== HOST_NAME) return 'other'
  const name = onlyVector(list.subarray(1))
  return name === 'other' || name.length === 0 ? 'other' : { serverName: latin1(name) }
}

const HOST_NAME = 0

/** Returns the contents of a vector with a length of two bytes, which has to be all that there is. */
function onlyVector(bytes: Uint8Array): Uint8Array | 'other' {
  const vector = vectorAt({ bytes, length: bytes.length }, 0, 2)
  return typeof vector === 'string' || vector.next !== bytes.length ? 'other' : vector.bytes
}

/** Reads a vector at a place. It is `other` if it cannot end within the body, `partial` while it has not come. */
function vectorAt({ bytes, length }: Body, at: number, size: number): Vector | 'partial' | 'other' {
  const start = at + size
  if (start > length) return 'other'
  if (start > bytes.length) return 'partial'
  const next = start + numberOf(bytes.subarray(at, start))
  if (next > length) return 'other'
  return next > bytes.length ? 'partial' : { bytes: bytes.subarray(start, next), next }
}

/** Returns the number in these bytes, the highest first. */
function numberOf(bytes: Iterable<number>): number {
  let number = 0
  for (const byte of bytes) number = number * 256 + byte
  return number
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}
