import fc from 'fast-check'
import type { IpEnvelope } from '../../src/wire/ip.js'
import type { TcpSegment } from '../../src/wire/tcp.js'

/** Arbitrary values like those of the program, with the ordinary prototype, so that they can be compared with them. */
const plain = { noNullPrototype: true } as const

const byteString = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })

/** Addresses of a packet, of either version. */
export const envelopes: fc.Arbitrary<IpEnvelope> = fc.oneof(
  fc.record({ version: fc.constant(4 as const), source: byteString(4), destination: byteString(4) }, plain),
  fc.record({ version: fc.constant(6 as const), source: byteString(16), destination: byteString(16) }, plain),
)

export const uint16 = fc.integer({ min: 0, max: 0xffff })
export const uint32 = fc.integer({ min: 0, max: 0xffff_ffff })

/** Every segment the value can express, with or without timestamps. */
export const segments: fc.Arbitrary<TcpSegment> = fc.record(
  {
    sourcePort: uint16,
    destinationPort: uint16,
    sequence: uint32,
    acknowledgment: uint32,
    flags: fc.integer({ min: 0, max: 0xff }),
    window: uint16,
    timestamps: fc.record({ value: uint32, echo: uint32 }, plain),
    payload: fc.uint8Array({ maxLength: 100 }),
  },
  {
    ...plain,
    requiredKeys: ['sourcePort', 'destinationPort', 'sequence', 'acknowledgment', 'flags', 'window', 'payload'],
  },
)
