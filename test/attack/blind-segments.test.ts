/**
 * An attacker who knows a connection's addresses and ports, but not its sequence numbers, sends segments in the
 * client's name (RFC 5961). The client is a kernel's, so it gets every answer that the attack makes the server send.
 */
import t, { type Test } from 'tap'
import { emitPacket } from '../../src/wire/packet.js'
import { ACK, FIN, PSH, RST, SYN } from '../../src/wire/tcp.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs, type ArmedLab, type ArmedLabOptions } from '../scenarios/armed-lab.js'
import { challengeFor } from '../scenarios/challenge.js'
import { parseAddress } from '../scenarios/namespace-socket.js'
import { hardwareAddress, openPacketSocket } from '../scenarios/packet-socket.js'
import { trackInvalid, trackNew } from '../scenarios/stateful-rules.js'
import { connectTcp } from '../scenarios/tcp-client.js'

const challenge = challengeFor('blind segments')
const { request, reply } = challenge
const lineLength = request.indexOf('\r\n') + 2

const settings: readonly [string, ArmedLabOptions][] = [
  ['without connection tracking', {}],
  ['with connection tracking', { prepare: trackNew }],
  ['where what connection tracking takes for invalid is dropped', { prepare: trackInvalid }],
  ['through a port that is published from a container', { container: true }],
]

/** How much of the request has come when the attack does: a connection that is watched, and one taken over. */
const moments = [
  ['half a request line', 40],
  ['a request line and no more', lineLength],
] as const

const kinds: readonly [string, number, string][] = [
  ['SYN', SYN, ''],
  ['an acknowledgment', ACK, ''],
  ['the start of a request', PSH | ACK, 'G'],
  ['more than the start of a request', PSH | ACK, 'GET /.well-known/acme-challenge/x'],
  ['something else', PSH | ACK, 'something else'],
  ['RST', RST, ''],
  ['RST with an acknowledgment', RST | ACK, ''],
  ['FIN', FIN | ACK, ''],
  ['no flags', 0, ''],
]

/** Places in the number space, so far from each other that one of them at most is near the connection's. */
const places = Array.from({ length: 16 }, (_, at) => 12_345 + at * 0x10000000)

t.test('segments with the right ports and wrong numbers', await requiresKernel(...programs), async (t) => {
  for (const [title, options] of settings) {
    t.test(title, async (t) => {
      const lab = await openArmedLab(t, options)
      await lab.arm(challenge)
      const attacker = await openAttacker(t, lab)
      for (const version of ['ipv4', 'ipv6'] as const) {
        const address = lab.server.addresses[version]
        for (const [moment, length] of moments) {
          for (const [kind, flags, payload] of kinds) {
            const client = connectTcp(lab.validator, { address })
            client.write(request.slice(0, length))
            await client.acknowledged()
            for (const place of places) attacker.send(version, client.port, place, flags, payload)
            // What is said in answer to the attack has time to come while these are under way.
            client.write(request.slice(length, -2))
            await client.acknowledged()
            client.write(request.slice(-2))
            t.equal(await client.ended.catch(String), reply, `${version}, ${kind} after ${moment}`)
            await client.close()
          }
        }
      }
      t.equal((await lab.cleanup(challenge)).exitCode, 0)
      t.same(await lab.leftovers(), [])
    })
  }

  t.test('a SYN to every port that a client may have', async (t) => {
    const lab = await openArmedLab(t)
    await lab.arm(challenge)
    const attacker = await openAttacker(t, lab)
    const clients = moments.flatMap(([, length]) =>
      [1, 2, 3, 4].map(() => ({ length, client: connectTcp(lab.validator, { address: lab.server.addresses.ipv4 }) })),
    )
    for (const { client, length } of clients) client.write(request.slice(0, length))
    for (const { client } of clients) await client.acknowledged()
    const [least = 32_768, most = 60_999] = (
      await lab.validator.exec(['cat', '/proc/sys/net/ipv4/ip_local_port_range'])
    ).stdout
      .split(/\s+/)
      .map(Number)
    for (let port = least; port <= most; port++) attacker.send('ipv4', port, 0x5eedfeed, SYN, '')
    for (const { client, length } of clients) client.write(request.slice(length))
    const replies = await Promise.all(clients.map(({ client }) => client.ended.catch(String)))
    t.same(
      replies,
      clients.map(() => reply),
    )
    for (const { client } of clients) await client.close()
    t.equal((await lab.cleanup(challenge)).exitCode, 0)
    t.same(await lab.leftovers(), [])
  })
})

interface Attacker {
  /** Sends a segment in the name of the validator, with `place` as sequence and acknowledgment number. */
  send(version: 'ipv4' | 'ipv6', port: number, place: number, flags: number, payload: string): void
}

async function openAttacker(t: Test, { server, validator }: ArmedLab): Promise<Attacker> {
  const cable = await openPacketSocket(t, validator, validator.device, await hardwareAddress(server, server.device))
  const envelopes = {
    ipv4: {
      version: 4,
      source: parseAddress(validator.addresses.ipv4),
      destination: parseAddress(server.addresses.ipv4),
    },
    ipv6: {
      version: 6,
      source: parseAddress(validator.addresses.ipv6),
      destination: parseAddress(server.addresses.ipv6),
    },
  } as const
  return {
    send: (version, sourcePort, place, flags, text) => {
      const payload = Uint8Array.from(Buffer.from(text))
      const acknowledgment = flags & ACK ? place : 0
      const ports = { sourcePort, destinationPort: 80 }
      cable.send(
        emitPacket(envelopes[version], { ...ports, sequence: place, acknowledgment, flags, window: 500, payload }),
      )
    },
  }
}
