/**
 * Makes scripts of packets, each for one connection: recorded ones, invented ones, and some for which the right
 * decision about each packet is known.
 */
import { emitPacket } from '../../src/wire/packet.js'
import { seqAdd } from '../../src/wire/sequence.js'
import { ACK, FIN, PSH, RST, SYN, type TcpSegment } from '../../src/wire/tcp.js'
import { fromText } from '../fixtures/hex.js'
import { replyToHead } from '../scenarios/challenge.js'
import type { Capture } from './captures.js'
import { observe, repairChecksums } from './observed-packet.js'
import type { Random } from './random.js'
import { anyHello, cutHello, FLIGHT } from './handshakes.js'
import { challengeRequest, cut, otherRequest } from './requests.js'
import { spoil } from './spoil.js'

/** A packet to come, and where that is certain what must become of it. */
export interface Planned {
  readonly bytes: Uint8Array
  readonly expected?: 'accept' | 'replace' | 'drop'
  /** The whole HTTP reply this packet has to bring. */
  readonly reply?: string
  /** The token, or the name of tls-alpn-01, that has to be armed for that. */
  readonly token?: string
}

/** How many client ports the made connections share; a small number makes them meet. */
export interface Pool {
  readonly ports: number
}

export class Connections {
  readonly #captures: readonly Capture[]
  readonly #packets: readonly Uint8Array[]
  readonly #random: Random
  readonly #pool: Pool
  #fresh = 0

  constructor(captures: readonly Capture[], random: Random, pool: Pool) {
    this.#captures = captures
    this.#packets = captures.flat()
    this.#random = random
    this.#pool = pool
  }

  /** The next script, of any kind. */
  next(): Planned[] {
    const random = this.#random
    const kind = random.below(20)
    if (kind >= 18) return this.#disorderlyHello()
    if (kind >= 16) return this.#hello()
    if (kind < 3) return this.#recorded()
    if (kind < 8) return this.#challenge()
    if (kind < 13) return this.#disorderly()
    if (kind < 15)
      return [
        { bytes: this.#talk(this.#shared()).say(ACK, challengeRequest(random).text.slice(0, 5 + random.below(60))) },
      ]
    return [{ bytes: random.bytes(random.below(120)) }]
  }

  /** A recorded connection on other ports, with packets lost, repeated, exchanged and spoilt. */
  #recorded(): Planned[] {
    const shift = this.#random.next()
    const port = 1024 + this.#random.below(this.#pool.ports)
    return this.#disturb(this.#random.pick(this.#captures).map((bytes) => move(bytes, port, shift)))
  }

  /** Ordinary and challenge requests on connections that may have been used before. */
  #disorderly(): Planned[] {
    const random = this.#random
    const talk = this.#talk(this.#shared())
    const packets = random.oneIn(4) ? [] : [talk.say(SYN), talk.say(ACK)]
    for (let requests = 1 + random.below(3); requests > 0; requests--) {
      const text = random.oneIn(3) ? challengeRequest(random).text : otherRequest(random)
      for (const piece of cut(text, random))
        packets.push(talk.say(random.pick([ACK, PSH | ACK, PSH | ACK, ACK | FIN, ACK | 0x20]), piece))
      talk.hear(random.below(300))
    }
    packets.push(talk.say(random.pick([ACK, ACK | FIN, RST, RST | ACK, 0])))
    return this.#disturb(packets)
  }

  /** Nothing lost, nothing spoilt, a connection of its own: what becomes of each packet is known. */
  #challenge(): Planned[] {
    const random = this.#random
    const client = this.#unshared()
    const talk = this.#talk(client)
    const planned: Planned[] = [
      { bytes: talk.say(SYN), expected: 'accept' },
      { bytes: talk.say(ACK), expected: 'accept' },
    ]
    if (random.oneIn(4)) {
      planned.push({ bytes: talk.say(PSH | ACK, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'), expected: 'accept' })
      talk.hear(200)
      planned.push({ bytes: talk.say(ACK), expected: 'accept' })
    }
    const { challenge, method, text, lineLength } = challengeRequest(random)
    const { token } = challenge
    const reply = method === 'HEAD' ? replyToHead(challenge) : challenge.reply
    let said = 0
    for (const piece of cut(text, random)) {
      const [before, after] = [said, said + piece.length]
      const expected = after < lineLength ? 'accept' : before < lineLength ? 'replace' : 'drop'
      planned.push({ bytes: talk.say(PSH | ACK, piece), expected, token, ...(after === text.length && { reply }) })
      said = after
    }
    talk.hear(reply.length + 1)
    planned.push(
      { bytes: talk.say(ACK), expected: 'drop', token },
      { bytes: talk.say(ACK | FIN), expected: 'drop', token },
    )
    const attacked = random.oneIn(3) ? planned.flatMap((each) => [...this.#blind(client), each]) : planned
    // The same port again, of a connection whose SYN the kernel did not queue.
    if (random.oneIn(3))
      attacked.push({
        bytes: this.#talk(client).say(PSH | ACK, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
        expected: 'accept',
      })
    return attacked
  }

  /** As {@link #challenge}, by tls-alpn-01. */
  #hello(): Planned[] {
    const random = this.#random
    const client = this.#unshared(443)
    const talk = this.#talk(client)
    const planned: Planned[] = [
      { bytes: talk.say(SYN), expected: 'accept' },
      { bytes: talk.say(ACK), expected: 'accept' },
    ]
    const { text, name } = anyHello(random)
    let said = 0
    for (const piece of cutHello(text, random)) {
      const bytes = talk.say(PSH | ACK, piece)
      said += piece.length
      const isTaken = name !== undefined && said === text.length
      planned.push({ bytes, expected: isTaken ? 'replace' : 'accept', ...(name !== undefined && { token: name }) })
      // The path repeats some.
      if (random.oneIn(6)) planned.push({ bytes, expected: isTaken ? 'drop' : 'accept' })
    }
    const expected = name === undefined ? ('accept' as const) : ('drop' as const)
    talk.hear(FLIGHT)
    for (const [flags, more] of [
      [ACK, ''],
      [PSH | ACK, 'x'.repeat(74)],
      [ACK | FIN, ''],
    ] as const)
      planned.push({ bytes: talk.say(flags, more), expected })
    return random.oneIn(3) ? planned.flatMap((each) => [...this.#blind(client), each]) : planned
  }

  /** Hellos on connections that may have been used before, in any order and spoilt. */
  #disorderlyHello(): Planned[] {
    const random = this.#random
    const talk = this.#talk(this.#shared(443))
    const packets = random.oneIn(4) ? [] : [talk.say(SYN), talk.say(ACK)]
    for (let hellos = 1 + random.below(2); hellos > 0; hellos--) {
      for (const piece of cutHello(anyHello(random).text, random)) packets.push(talk.say(PSH | ACK, piece))
      talk.hear(random.below(FLIGHT + 300))
      packets.push(talk.say(PSH | ACK, random.bytes(random.below(100)).join()))
    }
    packets.push(talk.say(random.pick([ACK, ACK | FIN, RST, RST | ACK, 0])))
    return this.#disturb(packets)
  }

  /** Segments of an attacker who knows the ports and guesses the rest. Nothing is predicted about them. */
  #blind(client: Client): Planned[] {
    const random = this.#random
    return Array.from({ length: random.below(4) }, () => {
      const flags = random.pick([SYN, SYN | ACK, ACK, PSH | ACK, FIN | ACK, RST, RST | ACK, FIN, 0])
      const talk = new Talk(client, random, random.next())
      return { bytes: talk.say(flags, random.pick(['', 'G', 'GET /.well-known/', '\x16\x03\x01', 'something else'])) }
    })
  }

  #disturb(packets: readonly Uint8Array[]): Planned[] {
    const random = this.#random
    const disturbed: Uint8Array[] = []
    for (const bytes of packets) {
      const fate = random.below(16)
      if (fate === 0) continue
      if (fate === 1) disturbed.push(bytes)
      if (fate === 2) disturbed.splice(random.below(disturbed.length + 1), 0, bytes)
      else disturbed.push(fate < 6 ? spoil(bytes, this.#packets, random) : bytes)
    }
    return disturbed.map((bytes) => ({ bytes }))
  }

  #talk(client: Client): Talk {
    const random = this.#random
    return new Talk(client, random, random.oneIn(4) ? 0xffffffff - random.below(300) : random.next())
  }

  #shared(serverPort = 80): Client {
    const version = this.#random.pick([4, 6] as const)
    return {
      version,
      address: version === 4 ? V4_SHARED : V6_SHARED,
      port: 1024 + this.#random.below(this.#pool.ports),
      serverPort,
    }
  }

  #unshared(serverPort = 80): Client {
    const fresh = this.#fresh++
    const version = fresh % 2 === 0 ? 4 : 6
    const address = (version === 4 ? V4_UNSHARED : V6_UNSHARED).slice()
    address[address.length - 1] = (fresh / 60_000) % 250
    return { version, address, port: 1024 + (fresh % 60_000), serverPort }
  }
}

interface Client {
  readonly version: 4 | 6
  readonly address: Uint8Array
  readonly port: number
  readonly serverPort: number
}

/** What a client says, in order. */
class Talk {
  readonly #client: Client
  readonly #hasTimestamps: boolean
  #sequence: number
  #acknowledgment: number
  #clock = 1

  constructor(client: Client, random: Random, sequence: number) {
    this.#client = client
    this.#sequence = sequence
    this.#acknowledgment = random.next()
    this.#hasTimestamps = random.oneIn(2)
  }

  say(flags: number, text = ''): Uint8Array {
    const { version, address, port, serverPort } = this.#client
    const segment: TcpSegment = {
      sourcePort: port,
      destinationPort: serverPort,
      sequence: this.#sequence,
      acknowledgment: flags & ACK ? this.#acknowledgment : 0,
      flags,
      window: 500,
      payload: fromText(text),
      ...(this.#hasTimestamps && { timestamps: { value: this.#clock++, echo: 1 } }),
    }
    this.#sequence = seqAdd(this.#sequence, text.length + (flags & (SYN | FIN) ? 1 : 0))
    return emitPacket({ version, source: address, destination: version === 4 ? V4_SERVER : V6_SERVER }, segment)
  }

  hear(length: number): void {
    this.#acknowledgment = seqAdd(this.#acknowledgment, length)
  }
}

const V4_SHARED = Uint8Array.of(192, 0, 2, 2)
const V4_UNSHARED = Uint8Array.of(203, 0, 113, 0)
const V4_SERVER = Uint8Array.of(192, 0, 2, 1)
const V6_SHARED = Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2)
const V6_UNSHARED = Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
const V6_SERVER = Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)

/**
 * A recorded packet on another client port and with other sequence numbers of the client's; what is no TCP stays as it
 * is.
 */
function move(packet: Uint8Array, port: number, shift: number): Uint8Array {
  const observed = observe(packet)
  if (!observed) return packet
  const moved = Buffer.from(packet)
  const isFromServer = observed.sourcePort === 80
  const tcp = observed.ipHeaderLength
  moved.writeUInt16BE(port, tcp + (isFromServer ? 2 : 0))
  const at = tcp + (isFromServer ? 8 : 4)
  moved.writeUInt32BE(seqAdd(moved.readUInt32BE(at), shift), at)
  return repairChecksums(Uint8Array.from(moved))
}
