/**
 * Turns packets into others. Most of them are nearly right, because a packet that is far from right passes at the first
 * check.
 */
import { repairChecksums } from './observed-packet.js'
import type { Random } from './random.js'

/** A changed copy. The checksums are right again in three of four, so that the change gets past them. */
export function spoil(packet: Uint8Array, others: readonly Uint8Array[], random: Random): Uint8Array {
  let bytes: Uint8Array = packet.slice()
  for (let count = random.oneIn(4) ? 3 : 1; count > 0; count--) bytes = random.pick(WAYS)(bytes, random, others)
  return random.oneIn(4) ? bytes : repairChecksums(bytes)
}

type Way = (bytes: Uint8Array, random: Random, others: readonly Uint8Array[]) => Uint8Array

const WAYS: readonly Way[] = [
  flipBit,
  setByte,
  setHeaderField,
  setHeaderField,
  setTcpField,
  setTcpField,
  setTcpField,
  setTcpOption,
  truncate,
  truncateHonestly,
  extend,
  splice,
]

function flipBit(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length + 1)
  set(bytes, at, (bytes[at] ?? 0) ^ (1 << random.below(8)))
  return bytes
}

function setByte(bytes: Uint8Array, random: Random): Uint8Array {
  set(bytes, random.below(bytes.length + 1), random.pick([0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x0d, 0x20, random.below(256)]))
  return bytes
}

/** Version and header length, lengths, fragment fields, protocol. */
function setHeaderField(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.pick((bytes[0] ?? 0) >> 4 === 6 ? [0, 4, 5, 6] : [0, 2, 3, 6, 7, 9])
  set(bytes, at, random.pick([0, 0x40, 0x45, 0x46, 0x4f, 0x60, 6, 17, 44, 0xff, bytes.length, random.below(256)]))
  return bytes
}

/** Ports, sequence and acknowledgment number, data offset, flags, window. */
function setTcpField(bytes: Uint8Array, random: Random): Uint8Array {
  const tcp = tcpOffset(bytes)
  const at = random.pick([0, 1, 2, 3, 4, 5, 6, 7, 7, 8, 9, 10, 11, 12, 13, 13, 13, 14, 15, 18])
  const old = bytes[tcp + at] ?? 0
  set(
    bytes,
    tcp + at,
    random.pick([
      0,
      0xff,
      0x50,
      0x80,
      0xf0,
      0x02,
      0x04,
      0x10,
      0x11,
      0x12,
      0x14,
      0x18,
      0x19,
      old + 1,
      old - 1,
      random.below(256),
    ]),
  )
  return bytes
}

function setTcpOption(bytes: Uint8Array, random: Random): Uint8Array {
  const tcp = tcpOffset(bytes)
  set(bytes, tcp + 20 + random.below(40), random.pick([0, 1, 2, 3, 5, 8, 10, 11, 0xff, random.below(256)]))
  return bytes
}

/** Cut off, with header fields that say otherwise. */
function truncate(bytes: Uint8Array, random: Random): Uint8Array {
  return bytes.slice(0, random.below(bytes.length + 1))
}

/** Cut off, and the header knows it. */
function truncateHonestly(bytes: Uint8Array, random: Random): Uint8Array {
  return setLength(truncate(bytes, random))
}

function extend(bytes: Uint8Array, random: Random): Uint8Array {
  const longer = new Uint8Array(bytes.length + 1 + random.below(60))
  longer.set(random.bytes(longer.length))
  longer.set(bytes)
  return random.oneIn(2) ? longer : setLength(longer)
}

/** The start of one packet and the end of another. */
function splice(bytes: Uint8Array, random: Random, others: readonly Uint8Array[]): Uint8Array {
  const other = random.pick(others)
  const at = random.below(bytes.length + 1)
  const joined = new Uint8Array(Math.max(at, other.length))
  joined.set(other)
  joined.set(bytes.subarray(0, at))
  return random.oneIn(2) ? joined : setLength(joined)
}

function setLength(bytes: Uint8Array): Uint8Array {
  const [at, length] = (bytes[0] ?? 0) >> 4 === 6 ? [4, Math.max(0, bytes.length - 40)] : [2, bytes.length]
  set(bytes, at, length >> 8)
  set(bytes, at + 1, length)
  return bytes
}

function tcpOffset(bytes: Uint8Array): number {
  return (bytes[0] ?? 0) >> 4 === 6 ? 40 : ((bytes[0] ?? 0) & 15) * 4
}

/** A place past the end is left alone. */
function set(bytes: Uint8Array, at: number, value: number): void {
  if (at < bytes.length) bytes[at] = value
}
