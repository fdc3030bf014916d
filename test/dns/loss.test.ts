/** Where packets are lost, what is armed is answered as well as what the name server has. */
import { join } from 'node:path'
import t from 'tap'
import { request } from '../../src/control/client.js'
import { openLab, type Lab } from '../../src/lab/lab.js'
import { inRepository } from '../../src/lab/repository.js'
import { framed, queryFor } from '../challenge/dns-01/queries.js'
import { requiresKernel } from '../requires-kernel.js'
import { countQueries, loseAFifth } from './loss.js'
import { startNameServer } from './name-servers.js'
import { RESOLVER, startWorld } from './world.js'
import { OWN, OWN_ZONE } from './zones.js'

/** Names of either kind, which are asked for side by side, and how often each is. */
const HOSTS = Array.from({ length: 20 }, (_, at) => `host-${at}`)
const TIMES = { udp: 30, tcp: 2 } as const
/** The first label of a name that is armed, and of one that the name server has. */
const KINDS = { armed: '_acme-challenge', served: '_bcme-challenge' } as const
type Kind = keyof typeof KINDS

/**
 * Asks for each name again and again, by UDP a resolver, which repeats what is lost, or by TCP the server, on a
 * connection of its own each time. Prints one line for each query: its name's number, and whether it was answered.
 */
const ASK = `
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
const [transport, address, times, ...queries] = process.argv.slice(1)
const has = (reply) => (reply[3] & 15) === 0 && reply[7] === 1
const by = {
  udp: (query) => new Promise((resolve) => {
    const socket = createSocket('udp4')
    socket.on('message', (reply) => { socket.close(); resolve(has(reply)) })
    socket.send(query, 53, address)
  }),
  tcp: (query) => new Promise((resolve) => {
    const socket = connect(53, address, () => socket.write(query))
    let received = Buffer.alloc(0)
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes])
      if (received.length < 2 || received.length < 2 + received.readUInt16BE()) return
      socket.destroy()
      resolve(has(received.subarray(2)))
    })
    socket.on('error', () => resolve(false))
    socket.on('close', () => resolve(false))
  }),
}
await Promise.all(queries.map(async (query, at) => {
  for (let time = 0; time < Number(times); time++) console.log(at, await by[transport](Buffer.from(query, 'hex')))
}))
`

t.test('a fifth of the packets is lost, each way', await requiresKernel('nsd', 'unbound'), async (t) => {
  const lab = await openLab()
  t.teardown(lab.close)
  await startWorld(lab, OWN)
  await serveAndArm(lab)
  const counts = { armed: await countQueries(lab, KINDS.armed), served: await countQueries(lab, KINDS.served) }
  await loseAFifth(lab)

  const udp = await ask(lab, 'udp', RESOLVER)
  const queries = { armed: await counts.armed(), served: await counts.served() }
  t.comment(`by UDP, through a resolver: answered ${shown(udp)}; queries ${shown(queries)}`)
  const all = HOSTS.length * TIMES.udp
  t.ok(isAsGood(all - udp.armed, all - udp.served), 'as many are answered', { udp })
  t.ok(isAsGood(queries.armed, queries.served), 'after as many queries', { queries })
  t.ok(queries.served > all * 1.2, 'packets are lost', { queries })

  const tcp = await ask(lab, 'tcp', lab.server.addresses.ipv4)
  t.comment(`by TCP: answered ${shown(tcp)}`)
  const allOfTcp = HOSTS.length * TIMES.tcp
  t.ok(isAsGood(allOfTcp - tcp.armed, allOfTcp - tcp.served), 'as many are answered by TCP', { tcp })
})

/** Serves names of one kind by NSD, and arms those of the other. */
async function serveAndArm(lab: Lab): Promise<void> {
  const records = HOSTS.map((host) => `${KINDS.served}.${host} 0 TXT "${'v'.repeat(43)}"`)
  await startNameServer('nsd', {
    namespace: lab.server,
    directory: lab.directory,
    addresses: [lab.server.addresses.ipv4, lab.server.addresses.ipv6],
    zones: [{ ...OWN_ZONE, records: [...OWN_ZONE.records, ...records] }],
  })
  const runDirectory = join(lab.directory, 'run')
  const responder = lab.server.spawn([inRepository('hooks/certbot-nfq'), 'serve', '--run-dir', runDirectory])
  await responder.waitForOutput(/ info listening in /)
  for (const [at, host] of HOSTS.entries()) {
    const digest = String(at).padStart(43, 'v')
    await request(join(runDirectory, 'control'), {
      ...{ op: 'arm', type: 'dns-01', token: digest, digest, identifier: `${host}.example.com`, port: 53, ttl: 3600 },
    })
  }
}

/** Asks for all names side by side. Returns how many queries were answered. */
async function ask(lab: Lab, transport: keyof typeof TIMES, address: string): Promise<Record<Kind, number>> {
  const names = Object.values(KINDS).flatMap((label) => HOSTS.map((host) => `${label}.${host}.example.com`))
  const queries = names.map((name) =>
    Buffer.from(transport === 'tcp' ? framed(queryFor(name)) : queryFor(name)).toString('hex'),
  )
  const words = ['node', '--input-type=module', '-e', ASK, '--', transport, address, String(TIMES[transport])]
  const { stdout } = await lab.validator.exec([...words, ...queries], { timeout: 600_000 })
  const answered = (first: number) =>
    [...stdout.matchAll(/^(\d+) true$/gm)].filter(([, at]) => Number(at) >= first && Number(at) < first + HOSTS.length)
      .length
  return { armed: answered(0), served: answered(HOSTS.length) }
}

/**
 * Whether one number of events is not above another by more than chance has it: the difference of two such numbers
 * deviates by the root of their sum at most, and by five times that in one of three million runs.
 */
function isAsGood(ours: number, theirs: number): boolean {
  return ours - theirs <= 5 * Math.sqrt(ours + theirs + 1)
}

function shown({ armed, served }: Record<Kind, number>): string {
  return `${armed} (armed) and ${served} (served)`
}
