/** Queries of DNS by UDP in IP fragments (RFC 791, 2.3; RFC 8200, 4.5): no resolver's library sends such. */
import { closeSync, read } from 'node:fs'
import type { Namespace } from '../../src/lab/lab.js'
import { UDP, write16 } from '../../src/wire/ip.js'
import { emitUdpPacket } from '../../src/wire/udp.js'
import * as at from './namespace-socket.js'

const PORT = 53
const SOCK_RAW = 3
const IPPROTO_RAW = 255
/** Next header: the fragment header. */
const FRAGMENT = 44
const MORE_FRAGMENTS = 0x2000
const turnMilliseconds = 100
const turns = 600

let ports = 40_000

/**
 * Asks a server in two fragments, or in more; each begins at one of these bytes of the datagram, header included, all
 * of them multiples of 8. Without any it is one fragment that is all. Rejects when there is no reply in a minute.
 */
export async function askInFragments(
  client: Namespace,
  server: string,
  query: Uint8Array,
  starts: readonly number[],
): Promise<Uint8Array> {
  const isV6 = server.includes(':')
  const port = ports++
  const own = isV6 ? client.addresses.ipv6 : client.addresses.ipv4
  const family = isV6 ? at.AF_INET6 : at.AF_INET
  const socket = at.socketIn(client, family, at.SOCK_DGRAM)
  const raw = at.socketIn(client, family, SOCK_RAW, IPPROTO_RAW)
  try {
    at.bindTo(socket, at.internetAddress(own, port))
    at.setOption(socket, at.SOL_SOCKET, at.SO_RCVTIMEO, turnMilliseconds)
    const packet = emitUdpPacket(
      { version: isV6 ? 6 : 4, source: at.parseAddress(own), destination: at.parseAddress(server) },
      { sourcePort: port, destinationPort: PORT, payload: query },
    )
    for (const fragment of fragmentsOf(packet, starts, port)) at.sendTo(raw, fragment, at.internetAddress(server, 0))
    return await receive(socket)
  } finally {
    closeSync(socket)
    closeSync(raw)
  }
}

function fragmentsOf(packet: Uint8Array, starts: readonly number[], identification: number): Uint8Array[] {
  const isV6 = (packet[0] ?? 0) >> 4 === 6
  const header = packet.subarray(0, isV6 ? 40 : 20)
  const datagram = packet.subarray(header.length)
  return [0, ...starts].map((start, index) => {
    const piece = datagram.subarray(start, starts[index])
    const isLast = index === starts.length
    if (isV6) {
      const extension = Uint8Array.from([UDP, 0, ...Array<number>(6).fill(0)])
      write16(extension, 2, start | (isLast ? 0 : 1))
      write16(extension, 6, identification)
      const fragment = Uint8Array.from([...header, ...extension, ...piece])
      write16(fragment, 4, extension.length + piece.length)
      fragment[6] = FRAGMENT
      return fragment
    }
    const fragment = Uint8Array.from([...header, ...piece])
    // The kernel writes the checksum.
    write16(fragment, 2, fragment.length)
    write16(fragment, 4, identification)
    write16(fragment, 6, (start >> 3) | (isLast ? 0 : MORE_FRAGMENTS))
    return fragment
  })
}

async function receive(socket: number): Promise<Uint8Array> {
  const buffer = Buffer.alloc(0xffff)
  for (let turn = 0; turn < turns; turn++) {
    const length = await new Promise<number>((resolve, reject) =>
      read(socket, buffer, 0, buffer.length, null, (error, length) => {
        if (!error) resolve(length)
        else if (error.code === 'EAGAIN') resolve(0)
        else reject(error)
      }),
    )
    if (length > 0) return Uint8Array.from(buffer.subarray(0, length))
  }
  throw new Error('no reply')
}
