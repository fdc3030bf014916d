import { seqAdd, seqDiff } from '../../src/wire/sequence.js'
import { type IpEnvelope, type IpVersion } from '../../src/wire/ip.js'
import { emitPacket, parsePacket } from '../../src/wire/packet.js'
import { ACK, FIN, PSH, RST, SYN, type TcpSegment, type Timestamps } from '../../src/wire/tcp.js'
import { fromHex, fromText, toText } from '../fixtures/hex.js'
import { known } from '../fixtures/known.js'

/**
 * What a client sends. Places are offsets in the two streams, so that scripts read the same wherever sequence numbers
 * start.
 */
export interface Spoken {
  /** Offset of `text` in the client's stream; 0, the first byte after the handshake, if not given. */
  readonly at?: number
  readonly text?: string
  /** ACK if not given. */
  readonly flags?: number
  /** How much of the server's stream is acknowledged; nothing if not given. */
  readonly ack?: number
  readonly timestamps?: Timestamps
}

/** A segment as a receiver sees it, with the flags in words and without what is absent. */
export interface Heard {
  readonly at: number
  readonly ack?: number
  readonly flags: string
  readonly text?: string
  readonly timestamps?: Timestamps
}

export interface ConnectionOptions {
  readonly version?: IpVersion
  readonly clientPort?: number
  readonly serverPort?: number
  /** The server's address; one of the version if not given. */
  readonly server?: Uint8Array
  /** Sequence numbers of the first bytes of both streams. */
  readonly clientStart?: number
  readonly serverStart?: number
}

const addresses = {
  4: { client: fromHex('c0000202'), server: fromHex('c0000201') },
  6: { client: fromHex('20010db8000000000000000000000002'), server: fromHex('20010db8000000000000000000000001') },
}

/** Builds the packets of one client's connection, and reads those that belong to it. */
export class Connection {
  readonly toServer: IpEnvelope
  readonly toClient: IpEnvelope
  readonly clientPort: number
  readonly serverPort: number
  readonly clientStart: number
  readonly serverStart: number

  constructor(options: ConnectionOptions = {}) {
    const { version = 4, clientPort = 40_000, serverPort = 80, clientStart = 1_000, serverStart = 5_000 } = options
    const { client } = addresses[version]
    const { server = addresses[version].server } = options
    this.toServer = { version, source: client, destination: server }
    this.toClient = { version, source: server, destination: client }
    this.clientPort = clientPort
    this.serverPort = serverPort
    this.clientStart = clientStart
    this.serverStart = serverStart
  }

  /** A packet of the client's. */
  packet({ at = 0, text = '', flags = ACK, ack = 0, timestamps }: Spoken): Uint8Array {
    return emitPacket(this.toServer, {
      sourcePort: this.clientPort,
      destinationPort: this.serverPort,
      sequence: seqAdd(this.clientStart, at),
      acknowledgment: flags & ACK ? seqAdd(this.serverStart, ack) : 0,
      flags,
      window: 500,
      ...(timestamps && { timestamps }),
      payload: fromText(text),
    })
  }

  /** Returns what the client receives with a packet. Throws if it is malformed, or of another connection. */
  atClient(bytes: Uint8Array): Heard {
    return hear(read(bytes, this.toClient, this.serverPort, this.clientPort), this.serverStart, this.clientStart)
  }

  /** Returns what the server receives with a packet. */
  atServer(bytes: Uint8Array): Heard {
    return hear(read(bytes, this.toServer, this.clientPort, this.serverPort), this.clientStart, this.serverStart)
  }
}

function read(bytes: Uint8Array, envelope: IpEnvelope, from: number, to: number): TcpSegment {
  const { ip, segment } = known(parsePacket(bytes))
  const isOurs =
    toText(ip.source) === toText(envelope.source) && toText(ip.destination) === toText(envelope.destination)
  if (!isOurs || segment.sourcePort !== from || segment.destinationPort !== to)
    throw new Error('a packet of another connection')
  return segment
}

function hear(
  { sequence, acknowledgment, flags, payload, timestamps }: TcpSegment,
  start: number,
  otherStart: number,
): Heard {
  return {
    at: seqDiff(sequence, start),
    ...(flags & ACK && { ack: seqDiff(acknowledgment, otherStart) }),
    flags: nameFlags(flags),
    ...(payload.length > 0 && { text: toText(payload) }),
    ...(timestamps && { timestamps }),
  }
}

function nameFlags(flags: number): string {
  const names = [
    [SYN, 'SYN'],
    [RST, 'RST'],
    [FIN, 'FIN'],
    [PSH, 'PSH'],
    [ACK, 'ACK'],
  ] as const
  return names
    .filter(([flag]) => flags & flag)
    .map(([, name]) => name)
    .join(' ')
}
