/** Three machines behind a load balancer, which share a store, and real certbot on one of them, or on two. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createCertbot } from '../../src/lab/certbot.js'
import { startCertificateAuthority } from '../../src/lab/certificate-authority.js'
import type { Service } from '../../src/lab/lab.js'
import { inRepository } from '../../src/lab/repository.js'
import { snapshotRules } from '../../src/lab/rules.js'
import { scenePrograms } from '../../src/lab/scene.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import type { ResponderStatus } from '../../src/control/responder-status.js'
import { entryId, sealEntry } from '../../src/store/entry.js'
import { requiresKernel } from '../requires-kernel.js'
import { armedEntry } from '../store/entries.js'
import { balance, openFleet, type Fleet, type Node } from './fleet.js'
import { askRedis, startProxy, startRedis, startSentinel } from './redis.js'

/** How many certificates each time, nine times: 1 by default; FLEET_CERTIFICATES=100 makes 12, which is 108 in all. */
const EACH = Math.ceil(Number(process.env['FLEET_CERTIFICATES'] ?? 1) / 9)
const PORT = 6379
/** Where Redis is itself, when the nodes come to a proxy. */
const REDIS = 6390
const programs = [...scenePrograms, 'redis-server', 'redis-sentinel', 'redis-cli'] as const
const limits = { timeout: 3_600_000 }

t.test(
  'every situation of a store, and no validation fails',
  { ...(await requiresKernel(...programs)), ...limits },
  async (t) => {
    const { fleet, nodes, certbots, before, words, get } = await stage(t, `redis://192.0.2.1:${PORT}`)
    let store = await startRedis(fleet.lab, REDIS)
    const proxy = await startProxy(fleet.lab, PORT, REDIS)
    const services = await Promise.all(nodes.map((node) => node.serveStore(...words)))
    await allLive(nodes)

    await get('all is well')
    const verbose = await certbots[0].certonly(['verdict.example'], { env: { CERTBOT_NFQ_VERBOSE: '1' } })
    t.match(
      verbose.stdout + verbose.stderr,
      /the answer was acknowledged by 192\.0\.2\.2 at web\d/,
      'who asked which node',
    )
    await Promise.all([get('two certbots at once', 0), get('two certbots at once', 1)])

    // The machine dies; the load balancer uses it again when it looks at the store.
    const [, , last] = nodes
    await balance(fleet, nodes.slice(0, 2))
    await kill(last, services[2])
    await get('a node is dead')
    services[2] = await last.serveStore(...words)
    await allLive(nodes)
    await balance(fleet, nodes)
    await get('it is back')

    process.kill(store.pid, 'SIGSTOP')
    const during = get('the store is stopped for 5 s')
    await new Promise((resolve) => setTimeout(resolve, 5_000))
    process.kill(store.pid, 'SIGCONT')
    await during

    await store.stop('SIGKILL')
    const away = get('the store is started again, empty')
    store = await startRedis(fleet.lab, REDIS)
    await away

    const forged = armedEntry({ identifier: 'victim.example', issuedAt: Date.now(), expiresAt: Date.now() + 60_000 })
    const [id, text] = [entryId(forged), sealEntry(forged, randomBytes(32))]
    await askRedis(fleet.lab.server, REDIS, 'HSET', '{certbot-nfq}:entries', id, text)
    for (const node of nodes)
      await waitUntil(async () => (await statusOf(node)).store?.refused['unsealed'] === 1, 'a refusal')
    t.same(
      (await Promise.all(nodes.map(statusOf))).flatMap(({ challenges }) => challenges),
      [],
      'it is not armed',
    )
    await get('somebody has forged an entry')
    await askRedis(fleet.lab.server, REDIS, 'HDEL', '{certbot-nfq}:entries', id)

    process.kill(proxy.pid, 'SIGUSR2')
    await get('each answer of the store takes 500 ms longer')
    process.kill(proxy.pid, 'SIGUSR2')

    for (const { webServer } of nodes)
      t.same(
        (await webServer.requests()).filter((line) => line.includes('acme-challenge')),
        [],
        'no web server was asked',
      )
    t.equal(await askRedis(fleet.lab.server, REDIS, 'KEYS', '{certbot-nfq}:[ev]*'), '', 'nothing is left in the store')
    await Promise.all(services.map((service) => service.stop('SIGTERM')))
    t.equal(await askRedis(fleet.lab.server, REDIS, 'HLEN', '{certbot-nfq}:nodes'), '0', 'and no node')
    await waitUntil(
      async () => (await rulesOf(nodes)).every((rules, at) => rules === before[at]),
      'the rules to be gone',
    )
  },
)

t.test(
  'the primary is lost, and Sentinels name another',
  { ...(await requiresKernel(...programs)), ...limits },
  async (t) => {
    const ports = [26379, 26380, 26381]
    const hosts = ports.map((port) => `192.0.2.1:${port}`).join()
    const { fleet, nodes, words, get } = await stage(t, `redis+sentinel://${hosts}/main`, '--store-timeout', '30')
    const primary = await startRedis(fleet.lab, PORT)
    await startRedis(fleet.lab, PORT + 1, '--replicaof', '192.0.2.1', String(PORT))
    for (const port of ports) await startSentinel(fleet.lab, port, PORT)
    await waitUntil(
      async () => /num-other-sentinels\n2/.test(await master(fleet)) && /num-slaves\n1/.test(await master(fleet)),
      'all to know each other',
    )
    const services = await Promise.all(nodes.map((node) => node.serveStore(...words)))
    await allLive(nodes)
    await get('all is well')
    await primary.stop('SIGKILL')
    await get('the primary is lost')
    t.match(await master(fleet), /port\n6380/, 'it was another one')
    await Promise.all(services.map((service) => service.stop('SIGTERM')))
  },
)

async function stage(t: Test, url: string, ...more: string[]) {
  const fleet = await openFleet(3)
  t.teardown(() => fleet.lab.close())
  const nodes = fleet.nodes as readonly [Node, Node, Node]
  const before = await rulesOf(nodes)
  const secret = join(fleet.lab.directory, 'secret')
  t.equal((await nodes[0].namespace.exec([inRepository('hooks/certbot-nfq'), 'store-secret', secret])).exitCode, 0)
  const words = ['--store', url, '--store-secret-file', secret]
  const authority = await startCertificateAuthority(fleet.lab)
  const certbotOn = (node: Node, name: string) =>
    createCertbot(fleet.labOf(node), authority, {
      runDirectory: node.runDirectory,
      options: [...words, '--store-name', name, ...more, '--no-self-check'],
    })
  const certbots = [await certbotOn(nodes[0], 'web1'), await certbotOn(nodes[1], 'web2')] as const
  let number = 0
  /** Gets certificates one after the other, with one of two certbots. */
  const get = async (situation: string, which: 0 | 1 = 0) => {
    for (let count = 0; count < EACH; count++) {
      const { exitCode, stdout, stderr } = await certbots[which].certonly([`n${++number}.fleet.example`])
      t.equal(exitCode, 0, situation)
      if (exitCode !== 0) t.comment(stdout, stderr)
      t.notMatch(stdout + stderr, /certbot-nfq:/, `${situation}: no warning`)
    }
  }
  return { fleet, nodes, certbots, before, words, get }
}

/** Waits until each node knows that all of them live. */
async function allLive(nodes: readonly Node[]): Promise<void> {
  for (const node of nodes)
    await waitUntil(async () => {
      const { store } = await statusOf(node)
      return store?.nodes.filter(({ isLive }) => isLive).length === nodes.length
    }, 'all nodes to live')
}

async function statusOf(node: Node): Promise<ResponderStatus> {
  return JSON.parse((await node.run('status', '--json')).stdout) as ResponderStatus
}

function rulesOf(nodes: readonly Node[]): Promise<string[]> {
  return Promise.all(nodes.map(({ namespace }) => snapshotRules(namespace)))
}

/** Ends all of a node at once but its web server, as if the machine had lost its power and was started again. */
async function kill({ namespace, runDirectory, run }: Node, service: Service | undefined): Promise<void> {
  for (const { pid, command } of await namespace.processes())
    if (command.includes(runDirectory)) process.kill(pid, 'SIGKILL')
  await service?.exited
  await waitUntil(
    async () => !(await namespace.processes()).some(({ command }) => command.includes(runDirectory)),
    'its end',
  )
  await run('stop')
}

function master({ lab }: Fleet): Promise<string> {
  return askRedis(lab.server, 26379, 'SENTINEL', 'MASTER', 'main')
}
