import { TCP } from '../../wire/ip.js'
import { FIN, RST, SYN } from '../../wire/tcp.js'
import { alu, jump, label, ld, ldIndirect, ldLength, ldxMsh, ret, tax, type Program } from './program.js'

/**
 * Returns the program for a packet socket (SOCK_DGRAM: data starts at the IP header) that selects TCP from or to a
 * port, IPv4 and IPv6, with a payload or with FIN, SYN or RST. Bare acknowledgments are left out, and so are later
 * fragments and IPv6 extension headers. A packet is cut to `length` bytes. An acknowledgment that Ethernet has padded
 * to 60 bytes seems to have a payload, and is selected.
 */
export function portProgram(port: number, length: number): Program {
  // prettier-ignore
  return [
    ld('byte', 0), alu('and', 0xf0),
    jump('eq', 4 << 4, 'next', 'not IPv4'),
    // Flags and fragment offset, time to live, protocol: one load and one mask for "no fragment offset, and TCP".
    ld('word', 6), alu('and', 0x1fff00ff), jump('eq', TCP, 'next', 'no match'),
    ldxMsh(0), jump('ge', 0, 'TCP', 'TCP'),

    label('not IPv4'),
    jump('eq', 6 << 4, 'next', 'no match'),
    ld('byte', 6), jump('eq', TCP, 'next', 'no match'),
    alu('and', 0), alu('add', 40), tax(),

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
