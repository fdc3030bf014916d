import { alu, jump, label, ld, ldIndirect, ldLength, ldxMsh, ret, tax, txa } from './program.js'
import type { Program } from './program.js'

/** What follows the method and a space in the request line of every http-01 validation (RFC 8555, 8.3). */
export const CHALLENGE_PATH_PREFIX = '/.well-known/acme-challenge/'

/**
 * The program for `-m bpf` that picks the packets a validation may begin with: TCP with a payload that starts with, or
 * is a shorter prefix of, `GET ` or `HEAD ` and {@link CHALLENGE_PATH_PREFIX}. Data starts at the IP header, as in
 * INPUT and FORWARD.
 *
 * It never misses such a packet. It takes a few more: a payload that ends inside the path is compared in whole words of
 * the path, so the one to three bytes after the last whole word may be anything. Comparing those too needs more than
 * the 64 instructions there are; the responder sees the difference and lets the packet pass.
 *
 * No match for later fragments, a TCP data offset below 5 or past the end, and IPv6 extension headers. An IPv4 header
 * length below 5 is not looked at: the kernel has dropped such a packet before.
 */
export function candidateProgram(family: 4 | 6): Program {
  return [...(family === 4 ? findIpv4Payload : findIpv6Payload), ...compareMethod, ...comparePath, ...verdicts]
}

const TCP = 6

/** Leaves X at the TCP payload (RFC 791, 3.1; RFC 9293, 3.1). */
// prettier-ignore
const findIpv4Payload: Program = [
  // Flags and fragment offset, time to live, protocol: one load and one mask for "no fragment offset, and TCP".
  ld('word', 6), alu('and', 0x1fff00ff), jump('eq', TCP, 'next', 'no match'),
  ldxMsh(0),
  ldIndirect('byte', 12), alu('and', 0xf0), jump('ge', 5 << 4, 'next', 'no match'),
  alu('rsh', 2), alu('add', 'x'), tax(),
]

/** Leaves X at the TCP payload (RFC 8200, 3): TCP must follow the fixed header of 40 bytes. */
// prettier-ignore
const findIpv6Payload: Program = [
  ld('byte', 6), jump('eq', TCP, 'next', 'no match'),
  ld('byte', 40 + 12), alu('and', 0xf0), jump('ge', 5 << 4, 'next', 'no match'),
  alu('rsh', 2), alu('add', 40), tax(),
]

/**
 * Decides payloads of up to three bytes; leaves X four bytes before the path for longer ones that start with `GET ` or
 * `HEAD`. With an empty payload, or a data offset past the end, A wraps or is small, and either way the next load ends
 * the program with 0.
 */
// prettier-ignore
const compareMethod: Program = [
  ldLength(), alu('sub', 'x'),
  jump('ge', 4, 'method', 'next'), jump('ge', 3, 'three bytes', 'next'), jump('ge', 2, 'two bytes', 'next'),
  ldIndirect('byte', 0), jump('eq', ascii('G'), 'match', 'next'), jump('eq', ascii('H'), 'match', 'no match'),

  label('three bytes'),
  ldIndirect('byte', 2), jump('eq', ascii('T'), 'GE', 'next'), jump('eq', ascii('A'), 'next', 'no match'),
  ldIndirect('half', 0), jump('eq', ascii('HE'), 'match', 'no match'),

  label('two bytes'),
  ldIndirect('half', 0), jump('eq', ascii('HE'), 'match', 'next'),
  label('GE'),
  ldIndirect('half', 0), jump('eq', ascii('GE'), 'match', 'no match'),

  label('method'),
  ldIndirect('word', 0), jump('eq', ascii('GET '), 'path', 'next'), jump('eq', ascii('HEAD'), 'next', 'no match'),
  txa(), alu('add', 1), tax(),
]

const pathWords = CHALLENGE_PATH_PREFIX.match(/.{4}/g) ?? []

/** Backwards from the last word of the path that the payload holds, so that its length is looked at only once. */
// prettier-ignore
const comparePath: Program = [
  label('path'),
  ldLength(), alu('sub', 'x'),
  ...pathWords.map((_, index) => jump('ge', 4 + 4 * (index + 1), `path word ${index}`, 'next')).reverse(),
  jump('ge', 4, 'space', 'match'),
  ...pathWords.map((word, index) => [
    label(`path word ${index}`),
    ldIndirect('word', 4 + 4 * index), jump('eq', ascii(word), 'next', 'no match'),
  ]).reverse().flat(),
  // After GET it has been compared already, after HEAD not yet.
  label('space'),
  ldIndirect('byte', 3), jump('eq', ascii(' '), 'match', 'no match'),
]

const verdicts: Program = [label('match'), ret(1), label('no match'), ret(0)]

/** One to four characters as the big-endian number a load gives. */
function ascii(text: string): number {
  return [...text].reduce((number, character) => number * 256 + character.charCodeAt(0), 0)
}
