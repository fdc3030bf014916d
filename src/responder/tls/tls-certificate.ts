/** The certificate that answers tls-alpn-01 (RFC 8737, 3; RFC 8738 for addresses). It is in memory only. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'
import { parseAddress } from '../../wire/address.js'

/** A certificate and its key, as PEM. */
export interface Credentials {
  readonly cert: string
  readonly key: string
  /** Length of the certificate as it is sent, in bytes. */
  readonly length: number
}

/** What a certificate says. */
export interface Statement {
  /** A DNS name in ASCII, or an IP address. */
  readonly identifier: string
  /** The SHA-256 of the key authorization, as base64url: 32 bytes. */
  readonly digest: string
}

/**
 * Returns a new self-signed certificate: a key on P-256, the identifier as its only name, and the digest in a critical
 * acmeIdentifier. It is valid from a day before `now` until a week after.
 */
export function makeCertificate({ identifier, digest }: Statement, now: Date): Credentials {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = sequence(tagged(SET, sequence(objectId(COMMON_NAME), tagged(UTF8_STRING, Buffer.from('tls-alpn-01')))))
  const algorithm = sequence(objectId(ECDSA_WITH_SHA256))
  // A positive number of eight bytes.
  const serial = tagged(INTEGER, Buffer.concat([Buffer.of(0x40), randomBytes(7)]))
  const statement = sequence(
    tagged(EXPLICIT | 0, tagged(INTEGER, Buffer.of(V3))),
    serial,
    algorithm,
    name,
    sequence(timeOf(now, -DAY), timeOf(now, 7 * DAY)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(
      EXPLICIT | 3,
      sequence(
        sequence(objectId(SUBJECT_ALT_NAME), tagged(OCTET_STRING, sequence(generalName(identifier)))),
        sequence(
          objectId(ACME_IDENTIFIER),
          tagged(BOOLEAN, Buffer.of(0xff)),
          tagged(OCTET_STRING, tagged(OCTET_STRING, Buffer.from(digest, 'base64url'))),
        ),
      ),
    ),
  )
  const signature = tagged(BIT_STRING, Buffer.of(0), sign('sha256', statement, privateKey))
  const certificate = sequence(statement, algorithm, signature)
  return {
    cert: pemOf(certificate),
    length: certificate.length,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

const DAY = 24 * 3600 * 1000

/** Version 3, as a certificate has it. */
const V3 = 2

/** 2.5.4.3, 1.2.840.10045.4.3.2, 2.5.29.17 and 1.3.6.1.5.5.7.1.31, as DER has them (X.690, 8.19). */
const COMMON_NAME = '550403'
const ECDSA_WITH_SHA256 = '2a8648ce3d040302'
const SUBJECT_ALT_NAME = '551d11'
const ACME_IDENTIFIER = '2b0601050507011f'

const BOOLEAN = 0x01
const INTEGER = 0x02
const BIT_STRING = 0x03
const OCTET_STRING = 0x04
const OBJECT_ID = 0x06
const UTF8_STRING = 0x0c
const UTC_TIME = 0x17
const SEQUENCE = 0x30
const SET = 0x31
const EXPLICIT = 0xa0

/** dNSName and iPAddress (RFC 5280, 4.2.1.6). */
const DNS_NAME = 0x82
const IP_ADDRESS = 0x87

function generalName(identifier: string): Buffer {
  if (isIP(identifier) !== 0) return tagged(IP_ADDRESS, parseAddress(identifier))
  return tagged(DNS_NAME, Buffer.from(identifier.toLowerCase()))
}

/** Returns a time in seconds, with two digits for the year (RFC 5280, 4.1.2.5.1). */
function timeOf(now: Date, later: number): Buffer {
  const digits = new Date(now.getTime() + later).toISOString().replace(/\D/g, '').slice(2, 14)
  return tagged(UTC_TIME, Buffer.from(`${digits}Z`))
}

function objectId(hex: string): Buffer {
  return tagged(OBJECT_ID, Buffer.from(hex, 'hex'))
}

function sequence(...contents: readonly Uint8Array[]): Buffer {
  return tagged(SEQUENCE, ...contents)
}

/** Returns tag, length and contents (X.690, 8.1). */
function tagged(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const all = Buffer.concat(contents)
  const digits = all.length < 0x80 ? [] : all.length < 0x100 ? [all.length] : [all.length >> 8, all.length & 0xff]
  return Buffer.concat([
    Buffer.of(tag, ...(digits.length === 0 ? [all.length] : [0x80 | digits.length, ...digits])),
    all,
  ])
}

function pemOf(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}
