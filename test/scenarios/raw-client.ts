/** A client whose every segment is made by the test: a host on the lab's cable that exists in this process only. */
import type { Test } from 'tap'
import type { Lab } from '../../src/lab/lab.js'
import { run } from '../../src/lab/run.js'
import { emitPacket } from '../../src/wire/packet.js'
import { seqAdd } from '../../src/wire/sequence.js'
import { ACK, PSH, SYN, type TcpSegment, type Timestamps } from '../../src/wire/tcp.js'
import { parseAddress } from './namespace-socket.js'
import { hardwareAddress, openPacketSocket, type PacketSocket, type Seen } from './packet-socket.js'
import { soon } from './soon.js'

/** The host: no kernel answers for its addresses. */
export interface RawHost {
  readonly cable: PacketSocket
  readonly addresses: Readonly<Record<4 | 6, Uint8Array>>
  /** Shakes hands with the server's port 80 from a new port, with or without TCP timestamps. */
  connect(version: 4 | 6, options: { readonly timestamps: boolean }): Promise<RawClient>
}

/** An established connection. Its fields are what the next segment is made of; a test may change them to misbehave. */
export interface RawClient {
  readonly port: number
  /** Sequence number of our next byte. */
  sequence: number
  /** The next byte we expect from the server. */
  acknowledgment: number
  /** Our clock and the server's newest, when the connection uses timestamps. */
  timestamps: Timestamps | undefined
  /** Sends a segment as the fields say, and moves `sequence` on unless `again`. Our clock ticks by 10 with each. */
  send(flags: number, payload?: string, options?: { readonly again?: boolean; readonly sequence?: number }): TcpSegment
  /** Everything the server's side has sent on this connection, oldest first. */
  received(): Seen[]
  /** Waits until the server's side has sent at least so many packets. Returns the last of these. */
  receive(count: number): Promise<Seen>
  /** Sends the payload in a segment of its own and waits until the server's side has acknowledged it. */
  deliver(payload: string): Promise<void>
}

let ports = 50_000

/** Puts the host on the cable, until the test ends. */
export async function openRawHost(t: Test, lab: Lab): Promise<RawHost> {
  const text = { 4: '192.0.2.66', 6: '2001:db8::66' } as const
  const addresses = { 4: parseAddress(text[4]), 6: parseAddress(text[6]) }
  const { server, validator } = lab
  const here = await hardwareAddress(validator, validator.device)
  // The validator's kernel does not know these addresses, so it drops what comes for them; nor does it resolve them.
  for (const address of [text[4], text[6]]) {
    await run([
      'ip',
      '-n',
      server.name,
      'neighbour',
      'replace',
      address,
      'lladdr',
      here,
      'dev',
      server.device,
      'nud',
      'permanent',
    ])
  }
  const cable = await openPacketSocket(t, validator, validator.device, await hardwareAddress(server, server.device))
  const servers = { 4: parseAddress(server.addresses.ipv4), 6: parseAddress(server.addresses.ipv6) }
  return {
    cable,
    addresses,
    connect: async (version, { timestamps }) => {
      const client = clientOf(cable, version, addresses[version], servers[version], timestamps)
      client.send(SYN)
      const { segment } = await client.receive(1)
      client.sequence = seqAdd(client.sequence, 1)
      client.acknowledgment = seqAdd(segment.sequence, 1)
      client.timestamps = segment.timestamps && { value: client.timestamps?.value ?? 0, echo: segment.timestamps.value }
      client.send(ACK)
      return client
    },
  }
}

function clientOf(
  cable: PacketSocket,
  version: 4 | 6,
  source: Uint8Array,
  destination: Uint8Array,
  hasTimestamps: boolean,
): RawClient {
  const port = ports++
  const client: RawClient = {
    port,
    // Close to the end of the number space: every test wraps around.
    sequence: 0xffffffff - 50,
    acknowledgment: 0,
    timestamps: hasTimestamps ? { value: 0xffffff00, echo: 0 } : undefined,
    send(flags, text = '', { again = false, sequence = client.sequence } = {}) {
      const { acknowledgment, timestamps } = client
      const payload = Uint8Array.from(Buffer.from(text, 'latin1'))
      const ports = { sourcePort: port, destinationPort: 80 }
      const segment = {
        ...ports,
        sequence,
        acknowledgment: flags & ACK ? acknowledgment : 0,
        flags,
        window: 8_192,
        payload,
        ...(timestamps && { timestamps }),
      }
      cable.send(emitPacket({ version, source, destination }, segment))
      if (timestamps) client.timestamps = { ...timestamps, value: seqAdd(timestamps.value, 10) }
      if (!again) client.sequence = seqAdd(client.sequence, payload.length + (flags & 1))
      return segment
    },
    received: () => cable.seen.filter(({ segment }) => segment.destinationPort === port && segment.sourcePort === 80),
    receive: async (count) => {
      await soon(() => client.received().length >= count, `packet ${count} from the server`)
      return client.received()[count - 1] as Seen
    },
    deliver: async (payload) => {
      client.send(PSH | ACK, payload)
      const reached = () => client.received().some(({ segment }) => segment.acknowledgment === client.sequence)
      await soon(reached, `an acknowledgment of ${JSON.stringify(payload)}`)
    },
  }
  return client
}
