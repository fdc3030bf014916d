import { foldChecksum, sumWords } from '../../src/wire/checksum.js'
import { parseAddress } from './parse-address.js'

/**
 * Returns an IP packet with a UDP datagram (RFC 791, RFC 8200, RFC 768) and correct checksums. The addresses determine
 * the IP version.
 */
export function udpPacket(source: string, destination: string, port: number, text: string): Uint8Array {
  const [from, to, payload] = [parseAddress(source), parseAddress(destination), Buffer.from(text)]
  const header = from.length === 4 ? ipv4Header(from, to, 8 + payload.length) : ipv6Header(from, to, 8 + payload.length)
  const udp = Buffer.alloc(8 + payload.length)
  udp.writeUInt16BE(40_000, 0)
  udp.writeUInt16BE(port, 2)
  udp.writeUInt16BE(udp.length, 4)
  udp.set(payload, 8)
  const pseudoHeader = sumWords(from, 0, from.length) + sumWords(to, 0, to.length) + UDP + udp.length
  udp.writeUInt16BE(foldChecksum(sumWords(udp, 0, udp.length, pseudoHeader)), 6)
  return Buffer.concat([header, udp])
}

const UDP = 17

function ipv4Header(from: Uint8Array, to: Uint8Array, length: number): Uint8Array {
  const header = Buffer.from([0x45, 0, 0, 0, 0, 1, 0, 0, 64, UDP, 0, 0, ...from, ...to])
  header.writeUInt16BE(20 + length, 2)
  header.writeUInt16BE(foldChecksum(sumWords(header, 0, 20)), 10)
  return header
}

function ipv6Header(from: Uint8Array, to: Uint8Array, length: number): Uint8Array {
  const header = Buffer.from([0x60, 0, 0, 0, 0, 0, UDP, 64, ...from, ...to])
  header.writeUInt16BE(length, 4)
  return header
}
