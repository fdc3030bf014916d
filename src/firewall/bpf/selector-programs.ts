/**
 * A selector as programs for `-m bpf`. Data starts at the IP header, as in INPUT and FORWARD.
 *
 * A load past the end of the packet ends a program with "no match". So what has to be there is asked for by a program
 * that matches, and what only has to be right as far as it reaches by one that matches when it differs.
 *
 * No program matches later fragments, a TCP data offset below 5 or past the end, and IPv6 extension headers. An IPv4
 * header length below 5 is not looked at: the kernel has dropped such a packet before.
 */
import type { IpVersion } from '../../wire/ip.js'
import { keyOffset, maskAt, type Selector, type Start } from '../../wire/selector.js'
import { alu, jump, label, ld, ldIndirect, ldLength, ldxMsh, ret, tax, txa, type Program } from './program.js'

type Transport = Selector['transport']

/** How many bytes of a key {@link keyProgram} compares. */
export const COMPARED_KEY_LENGTH = 4

/** The most keys of one {@link keyProgram}: iptables reads no more than 1,023 characters of bytecode. */
export const KEYS_A_PROGRAM = 40

/** How much of a start {@link beginsProgram} looks at: more than a method, so that most requests end there. */
const BEGINNING = 8

/**
 * Matches a payload that begins like one of the starts: by their first eight bytes, or a shorter one by its first byte.
 * This is what every packet meets; one without a payload leaves at once.
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

/** Goes on at the label `otherwise`, which comes last. */
function beginsLike(transport: Transport, start: Start, otherwise: string): Program {
  const length = Math.min(BEGINNING, start.bytes.length)
  const words = range(Math.floor(length / 4))
  // A datagram is whole: a shorter one is another.
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
 * Matches a payload that differs from the start, as far as it reaches. The first four bytes are compared one by one,
 * the others in words: where a payload ends inside a word, its last one to three bytes may be anything. So a few
 * packets too many do not differ, and never one too few.
 */
export function differsProgram(version: IpVersion, transport: Transport, start: Start): Program {
  const singles = Math.min(4, start.bytes.length)
  const words = Math.floor((start.bytes.length - singles) / 4)
  const pieces = [
    ...range(singles).map((at) => [at, 1] as const),
    ...range(words).map((word) => [singles + 4 * word, 4] as const),
    ...range(start.bytes.length - singles - 4 * words).map((at) => [singles + 4 * words + at, 1] as const),
  ]
  return [
    ...findPayload(version, transport),
    ...pieces.flatMap(([at, length]) => equal(start, at, length, 'next', 'match')),
    ...results,
  ]
}

/** Matches a payload that has one of these keys, at most {@link KEYS_A_PROGRAM}, behind the start. */
export function keyProgram(
  version: IpVersion,
  transport: Transport,
  start: Start,
  keys: readonly Uint8Array[],
): Program {
  return [
    ...findPayload(version, transport),
    ldIndirect('word', keyOffset(start)),
    ...keys.map((key) => jump('eq', numberAt(key, 0, COMPARED_KEY_LENGTH), 'match', 'next')),
    ...results,
  ]
}

/** Matches a payload that reaches so many bytes past the start, whatever they are. */
export function reachesProgram(version: IpVersion, transport: Transport, start: Start, length: number): Program {
  return [
    ...findPayload(version, transport),
    ldIndirect('byte', keyOffset(start) + length - 1),
    jump('ge', 0, 'match', 'match'),
    ...results,
  ]
}

/** Compares so many bytes of the payload with those of the start at an index. */
function equal(start: Start, at: number, length: 1 | 4, onEqual: string, onOther: string): Program {
  const mask = range(length).reduce((number, index) => number * 256 + maskAt(start, at + index), 0)
  return [
    ldIndirect(length === 4 ? 'word' : 'byte', start.offset + at),
    ...(mask === 2 ** (8 * length) - 1 ? [] : [alu('and', mask)]),
    jump('eq', (numberAt(start.bytes, at, length) & mask) >>> 0, onEqual, onOther),
  ]
}

/** Leaves X at the payload (RFC 791, 3.1; RFC 8200, 3; RFC 9293, 3.1; RFC 768). */
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

/** With a data offset past the end, A wraps; then the next load ends the program. */
const loadPayloadLength: Program = [ldLength(), alu('sub', 'x')]

const results: Program = [label('no match'), ret(0), label('match'), ret(1)]

/** Big-endian, as a load gives it. */
function numberAt(bytes: Uint8Array, at: number, length: number): number {
  return bytes.subarray(at, at + length).reduce((number, byte) => number * 256 + byte, 0)
}

function range(length: number): number[] {
  return [...Array(length).keys()]
}
