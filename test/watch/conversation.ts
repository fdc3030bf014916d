/** Makes the packets of one connection, as an interface shows them. */
import { emitPacket } from '../../src/wire/packet.js'
import { seqAdd } from '../../src/wire/sequence.js'
import { ACK, PSH } from '../../src/wire/tcp.js'
import type { IpEnvelope } from '../../src/wire/ip.js'

/** Who speaks to whom; sequence numbers just below 2^32, so that every conversation wraps around. */
export interface Ends {
  readonly client: Uint8Array
  readonly server: Uint8Array
  readonly clientPort: number
  readonly serverPort: number
}

export const ipv4: Ends = {
  client: Uint8Array.of(192, 0, 2, 2),
  server: Uint8Array.of(192, 0, 2, 1),
  clientPort: 40_000,
  serverPort: 80,
}
export const ipv6: Ends = {
  client: Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2),
  server: Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
  clientPort: 40_000,
  serverPort: 80,
}

export const CLIENT_START = 0xffffffff - 20
export const SERVER_START = 0xffffffff - 10

/**
 * A client's segment with the text `offset` bytes after the start of what it says; `heard` bytes of the server's are
 * acknowledged.
 */
export function fromClient(
  text: string,
  { offset = 0, heard = 0, flags = PSH | ACK, ends = ipv4 }: Options = {},
): Uint8Array {
  const { client, server, clientPort, serverPort } = ends
  return packet(
    { version: client.length === 4 ? 4 : 6, source: client, destination: server },
    clientPort,
    serverPort,
    seqAdd(CLIENT_START, offset),
    seqAdd(SERVER_START, heard),
    flags,
    text,
  )
}

/** The same of the server. */
export function fromServer(
  text: string,
  { offset = 0, heard = 0, flags = PSH | ACK, ends = ipv4 }: Options = {},
): Uint8Array {
  const { client, server, clientPort, serverPort } = ends
  return packet(
    { version: client.length === 4 ? 4 : 6, source: server, destination: client },
    serverPort,
    clientPort,
    seqAdd(SERVER_START, offset),
    seqAdd(CLIENT_START, heard),
    flags,
    text,
  )
}

interface Options {
  readonly offset?: number
  readonly heard?: number
  readonly flags?: number
  readonly ends?: Ends
}

function packet(
  envelope: IpEnvelope,
  sourcePort: number,
  destinationPort: number,
  sequence: number,
  acknowledgment: number,
  flags: number,
  text: string,
): Uint8Array {
  const payload = Uint8Array.from(text, (character) => character.charCodeAt(0))
  return emitPacket(envelope, { sourcePort, destinationPort, sequence, acknowledgment, flags, window: 1_000, payload })
}
