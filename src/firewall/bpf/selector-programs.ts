/**
 * Turns a selector into programs for `-m bpf`. Packets start at the IP header, as in INPUT and FORWARD.
 *
 * A load past the end of the packet ends a program with "no match". So bytes that have to be there are compared by a
 * program that matches when they are equal. Bytes that may be missing are compared by a program that matches when they
 * differ.
 *
 * No program matches later fragments, a TCP data offset below 5 or past the end, or IPv6 extension headers. An IPv4
 * header length below 5 is not checked, because the kernel has dropped such a packet before.
 */
import type { IpVersion } from '../../wire/ip.js'
import { keyOffset, maskAt, type LengthField, type Selector, type Start } from '../../wire/selector.js'
import {
  alu,
  jump,
  jumpEqualX,
  label,
  ld,
  ldIndirect,
  ldLength,
  ldxMsh,
  ldxStored,
  ret,
  store,
  tax,
  txa,
  type Program,
} from './program.js'

type Transport = Selector['transport']

/** How many bytes of a key {@link keyProgram} compares. */
export const COMPARED_KEY_LENGTH = 4

/** The most keys of one {@link keyProgram}: iptables reads at most 1,023 characters of bytecode. */
export const KEYS_A_PROGRAM = 40

/** Bytes of a start that {@link beginsProgram} compares. They are more than a method, so most requests end there. */
const BEGINNING = 8

/**
 * Returns a program that matches a payload that begins like one of the starts. It compares the first eight bytes, or
 * only the first byte of a shorter payload. Every packet meets this program; one without a payload leaves at once.
 */
export function beginsProgram(version: IpVersion, transport: Transport, starts: readonly Start[]): Program {
  return [
    ...findPayload(version, transport),
    ...loadPayloadLength,
    jump('ge', 1, 'next', 'no match'),
    ...starts.flatMap((start, index) => beginsLike(transport, start, `after start ${index}`)),
    ...results,
  ]
}

/** Returns the part for one start. A payload that begins otherwise continues at the label `otherwise`, at its end. */
function beginsLike(transport: Transport, start: Start, otherwise: string): Program {
  const length = Math.min(BEGINNING, start.bytes.length)
  const words = range(Math.floor(length / 4))
  // A datagram is complete, so a shorter one does not match.
  const undecided = transport === 'tcp' ? 'match' : otherwise
  const whole = `whole before ${otherwise}`
  return [
    ...loadPayloadLength,
    jump('ge', start.offset + length, whole, 'next'),
    jump('ge', start.offset + 1, 'next', undecided),
    ...equal(start, 0, 1, undecided, otherwise),
    label(whole),
    ...(words.length === 0 ? equal(start, 0, 1, 'match', otherwise) : []),
    ...words.flatMap((word) => equal(start, 4 * word, 4, word === words.length - 1 ? 'match' : 'next', otherwise)),
    label(otherwise),
  ]
}

/**
 * Returns a program that matches a payload that differs from the start, as far as the payload reaches. The first four
 * bytes are compared one by one, the others in words of four. If a payload ends inside a word, its last one to three
 * bytes are not compared. So a few packets too many count as equal, and never one too few.
 */
export function differsProgram(version: IpVersion, transport: Transport, start: Start): Program {
  const singles = Math.min(4, start.bytes.length)
  const words = Math.floor((start.bytes.length - singles) / 4)
  const pieces = [
    ...range(singles).map((at) => [at, 1] as const),
    ...range(words).map((word) => [singles + 4 * word, 4] as const),
    ...range(start.bytes.length - singles - 4 * words).map((at) => [singles + 4 * words + at, 1] as const),
  ].filter(([at, length]) => range(length).some((index) => maskAt(start, at + index) !== 0))
  return [
    ...findPayload(version, transport),
    ...pieces.flatMap(([at, length]) => equal(start, at, length, 'next', 'match')),
    ...results,
  ]
}

/**
 * Returns a program that matches a payload with one of these keys after the start, {@link KEYS_A_PROGRAM} at most.
 * `keyMask` are the bits that are compared of each byte.
 */
export function keyProgram(
  version: IpVersion,
  transport: Transport,
  start: Start,
  keys: readonly Uint8Array[],
  keyMask = 0xff,
): Program {
  const mask = numberAt(new Uint8Array(COMPARED_KEY_LENGTH).fill(keyMask), 0, COMPARED_KEY_LENGTH)
  const numbers = new Set(keys.map((key) => (numberAt(key, 0, COMPARED_KEY_LENGTH) & mask) >>> 0))
  return [
    ...findPayload(version, transport),
    ldIndirect('word', keyOffset(start)),
    ...(keyMask === 0xff ? [] : [alu('and', mask)]),
    ...[...numbers].map((number) => jump('eq', number, 'match', 'next')),
    ...results,
  ]
}

/** Returns a program that matches a payload with at least `length` bytes after the start, whatever they are. */
export function reachesProgram(version: IpVersion, transport: Transport, start: Start, length: number): Program {
  return [
    ...findPayload(version, transport),
    ldIndirect('byte', keyOffset(start) + length - 1),
    jump('ge', 0, 'match', 'match'),
    ...results,
  ]
}

/**
 * Returns a program that matches a payload that is whole: all lengths count up to one place, and the payload reaches
 * that far.
 */
export function wholeProgram(version: IpVersion, transport: Transport, lengths: readonly LengthField[]): Program {
  return [
    ...findPayload(version, transport),
    txa(),
    store(PAYLOAD),
    ...lengths.flatMap(({ at, bytes }, index) => [
      ldxStored(PAYLOAD),
      // There is no load of three bytes. The byte before them is there, for a record begins with its type.
      ldIndirect(bytes === 2 ? 'half' : 'word', bytes === 2 ? at : at - 1),
      ...(bytes === 2 ? [] : [alu('and', 0xffffff)]),
      alu('add', at + bytes),
      ...(index === 0 ? [store(END)] : [ldxStored(END), jumpEqualX('next', 'no match')]),
    ]),
    // The last byte of it. A load past the end of the packet ends the program.
    ldxStored(PAYLOAD),
    alu('add', 'x'),
    alu('sub', 1),
    tax(),
    ldIndirect('byte', 0),
    jump('ge', 0, 'match', 'match'),
    ...results,
  ]
}

/** Words of memory: where the payload begins, and how long it is to become. */
const PAYLOAD = 0
const END = 1

/** Returns a comparison of `length` bytes of the start, from its byte `at` on, with the payload. */
function equal(start: Start, at: number, length: 1 | 4, onEqual: string, onOther: string): Program {
  const mask = range(length).reduce((number, index) => number * 256 + maskAt(start, at + index), 0)
  return [
    ldIndirect(length === 4 ? 'word' : 'byte', start.offset + at),
    ...(mask === 2 ** (8 * length) - 1 ? [] : [alu('and', mask)]),
    jump('eq', (numberAt(start.bytes, at, length) & mask) >>> 0, onEqual, onOther),
  ]
}

/** Sets X to the offset of the payload (RFC 791, 3.1; RFC 8200, 3; RFC 9293, 3.1; RFC 768). */
// prettier-ignore
function findPayload(version: IpVersion, transport: Transport): Program {
  const protocol = transport === 'tcp' ? 6 : 17
  const find: Program = version === 4 ? [
    // Flags and fragment offset, time to live, protocol: one load and one mask for "no fragment offset", and protocol.
    ld('word', 6), alu('and', 0x1fff00ff), jump('eq', protocol, 'next', 'no match'),
    ldxMsh(0),
  ] : [
    // The protocol has to follow the fixed header of 40 bytes.
    ld('byte', 6), jump('eq', protocol, 'next', 'no match'),
    alu('and', 0), alu('add', 40), tax(),
  ]
  if (transport === 'udp') return [...find, txa(), alu('add', 8), tax()]
  return [
    ...find,
    ldIndirect('byte', 12), alu('and', 0xf0), jump('ge', 5 << 4, 'next', 'no match'),
    alu('rsh', 2), alu('add', 'x'), tax(),
  ]
}

/** Sets A to the length of the payload. With a data offset past the end A wraps, and the next load ends the program. */
const loadPayloadLength: Program = [ldLength(), alu('sub', 'x')]

const results: Program = [label('no match'), ret(0), label('match'), ret(1)]

/** Returns the big-endian number at `at`, which is what a load of these bytes puts into A. */
function numberAt(bytes: Uint8Array, at: number, length: number): number {
  return bytes.subarray(at, at + length).reduce((number, byte) => number * 256 + byte, 0)
}

function range(length: number): number[] {
  return [...Array(length).keys()]
}
