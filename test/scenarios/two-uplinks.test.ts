import t from 'tap'
import { connect, type Namespace } from '../../src/lab/namespace.js'
import type { Lab } from '../../src/lab/lab.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs } from './armed-lab.js'
import { challengeFor } from './challenge.js'
import { hardwareAddress, openPacketSocket, type PacketSocket } from './packet-socket.js'
import { soon } from './soon.js'
import { connectTcp } from './tcp-client.js'

const challenge = challengeFor('two uplinks')
const ends = {
  server: { ipv4: '203.0.113.1', ipv6: '2001:db8:2::1' },
  validator: { ipv4: '203.0.113.2', ipv6: '2001:db8:2::2' },
}
/** Where the validator really is: either uplink leads there, and the main table prefers the first. */
const distant = { ipv4: '10.255.0.1', ipv6: '2001:db8:ffff::1' }

/** How the server knows by which uplink a reply has to leave. */
const ways = {
  'its source address': routeBySource,
  'a mark that other rules copy from the connection': routeByMark,
}

t.test(
  'on a server with two uplinks a reply leaves by its own, which is known by',
  await requiresKernel(...programs),
  async (t) => {
    for (const [way, route] of Object.entries(ways)) {
      t.test(way, async (t) => {
        const lab = await openArmedLab(t, { prepare: (_, lab) => addUplink(lab, route) })
        const first = await openPacketSocket(t, lab.validator, 'eth0', await hardwareAddress(lab.server, 'eth0'))
        const second = await openPacketSocket(t, lab.validator, 'eth1', await hardwareAddress(lab.server, 'eth1'))
        await lab.arm(challenge)
        const own = new Map<PacketSocket, number[]>([
          [first, []],
          [second, []],
        ])
        const ask = async (version: 'ipv4' | 'ipv6', address: string, cable: PacketSocket, port: number) => {
          const client = connectTcp(lab.validator, { address, from: { address: distant[version], port } })
          client.write(challenge.request)
          t.equal(await client.ended, challenge.reply, address)
          await client.close()
          own.get(cable)?.push(port)
          await soon(() => hasReply(cable, port), `a reply of ${address} by its own uplink`)
        }
        let port = 47_000
        // Each uplink is used once more than needed: what had gone astray would have been seen before that.
        for (const version of ['ipv4', 'ipv6', 'ipv4'] as const) {
          await ask(version, lab.server.addresses[version], first, port++)
          await ask(version, ends.server[version], second, port++)
        }
        await ask('ipv4', lab.server.addresses.ipv4, first, port++)
        for (const [cable, ports] of own) {
          const strays = cable.seen.filter(
            ({ segment }) => segment.sourcePort === 80 && !ports.includes(segment.destinationPort),
          )
          t.same(
            strays.map(({ segment }) => segment.destinationPort),
            [],
            'nothing of the other uplink’s connections',
          )
        }
        t.equal((await lab.cleanup(challenge)).exitCode, 0)
        t.same(await lab.leftovers(), [])
      })
    }
  },
)

function hasReply({ seen }: PacketSocket, port: number): boolean {
  return seen.some(
    ({ segment }) => segment.sourcePort === 80 && segment.destinationPort === port && segment.payload.length > 0,
  )
}

async function addUplink({ server, validator }: Lab, route: typeof routeBySource): Promise<void> {
  await connect(
    { ...server, device: 'eth1', addresses: ends.server },
    { ...validator, device: 'eth1', addresses: ends.validator },
  )
  await ip(validator, `address add ${distant.ipv4}/32 dev lo`, `address add ${distant.ipv6}/128 dev lo nodad`)
  for (const version of ['ipv4', 'ipv6'] as const) {
    const family = version === 'ipv4' ? '-4' : '-6'
    await ip(server, `${family} route add default via ${validator.addresses[version]} dev eth0`)
    await ip(server, `${family} route add default via ${ends.validator[version]} dev eth1 table 100`)
    await route(server, version)
  }
}

async function routeBySource(server: Namespace, version: 'ipv4' | 'ipv6'): Promise<void> {
  await ip(server, `${version === 'ipv4' ? '-4' : '-6'} rule add from ${ends.server[version]} lookup 100`)
}

/** As guides to several uplinks have it: the connection keeps the mark of its uplink, and each packet gets it whole. */
async function routeByMark(server: Namespace, version: 'ipv4' | 'ipv6'): Promise<void> {
  await ip(server, `${version === 'ipv4' ? '-4' : '-6'} rule add fwmark 1 lookup 100`)
  for (const rule of [
    'PREROUTING -i eth1 -m conntrack --ctstate NEW -j CONNMARK --set-mark 1',
    'PREROUTING -j CONNMARK --restore-mark',
    'OUTPUT -j CONNMARK --restore-mark',
  ])
    await server.exec([version === 'ipv4' ? 'iptables' : 'ip6tables', '-t', 'mangle', '-A', ...rule.split(' ')])
}

async function ip(namespace: Namespace, ...commands: string[]): Promise<void> {
  for (const command of commands) await namespace.exec(['ip', ...command.split(' ')])
}
