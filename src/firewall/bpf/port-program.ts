import { TCP, UDP } from '../../wire/ip.js'
import { FIN, RST, SYN } from '../../wire/tcp.js'
import { alu, jump, label, ld, ldIndirect, ldLength, ldxMsh, ret, tax, type Program } from './program.js'

/**
 * Returns the program for a packet socket (SOCK_DGRAM: data starts at the IP header) that selects what goes from or to
 * a port, IPv4 and IPv6, cut to `length` bytes:
 *
 * - TCP with a payload or with FIN, SYN or RST. Bare acknowledgments are left out. One that Ethernet has padded to 60
 *   bytes seems to have a payload, and is selected.
 * - UDP with a DNS message whose question begins as `_acme-challenge` does, a query or a response. Other DNS and QUIC
 *   are left out.
 *
 * Later fragments and IPv6 extension headers are left out.
 */
export function portProgram(port: number, length: number): Program {
  // prettier-ignore
  return [
    ld('byte', 0), alu('and', 0xf0),
    jump('eq', 4 << 4, 'next', 'not IPv4'),
    // Flags and fragment offset, time to live, protocol: one load and one mask for "no fragment offset", and which.
    ld('word', 6), alu('and', 0x1fff00ff), ldxMsh(0),
    jump('eq', TCP, 'TCP', 'next'), jump('eq', UDP, 'UDP', 'no match'),

    label('not IPv4'),
    jump('eq', 6 << 4, 'next', 'no match'),
    ld('byte', 6), jump('eq', TCP, 'next', 'not TCP'),
    alu('and', 0), alu('add', 40), tax(), jump('eq', 40, 'TCP', 'no match'),

    label('not TCP'),
    jump('eq', UDP, 'next', 'no match'),
    alu('and', 0), alu('add', 40), tax(),

    label('UDP'),
    ldIndirect('half', 0), jump('eq', port, 'DNS', 'next'),
    ldIndirect('half', 2), jump('eq', port, 'DNS', 'no match'),

    label('DNS'),
    // The name of the question, after two headers: a label of 15 bytes that begins with `_ac`, in any case.
    ldIndirect('word', 8 + 12), alu('and', 0xffffdfdf), jump('eq', 0x0f5f4143, 'match', 'no match'),

    label('TCP'),
    ldIndirect('half', 0), jump('eq', port, 'port', 'next'),
    ldIndirect('half', 2), jump('eq', port, 'port', 'no match'),

    label('port'),
    ldIndirect('byte', 13), alu('and', FIN | SYN | RST), jump('eq', 0, 'next', 'match'),
    // X + data offset < length of the packet.
    ldIndirect('byte', 12), alu('and', 0xf0), alu('rsh', 2), alu('add', 'x'), tax(),
    ldLength(), alu('sub', 'x'), jump('eq', 0, 'no match', 'next'),

    label('match'), ret(length),
    label('no match'), ret(0),
  ]
}
