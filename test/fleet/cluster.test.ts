/** A store that is a Redis Cluster: three primaries, one of which has all that we write. */
import { join } from 'node:path'
import t from 'tap'
import type { ResponderStatus } from '../../src/control/responder-status.js'
import { inRepository } from '../../src/lab/repository.js'
import { snapshotRules } from '../../src/lab/rules.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { requiresKernel } from '../requires-kernel.js'
import { programs } from '../scenarios/armed-lab.js'
import { challengeFor, type Challenge } from '../scenarios/challenge.js'
import { openFleet, type Node } from './fleet.js'
import { askRedis, startRedis } from './redis.js'

const PORTS = [7001, 7002, 7003] as const
/** A server of no cluster. */
const ALONE = 7004

t.test(
  'a cluster as store, whose node with our keys is emptied and goes',
  { ...(await requiresKernel(...programs, 'curl', 'redis-server', 'redis-cli')), timeout: 600_000 },
  async (t) => {
    const { lab, nodes } = await openFleet(2)
    t.teardown(() => lab.close())
    const [web1, web2] = nodes as readonly [Node, Node]
    const both = [web1, web2]
    const rules = () => Promise.all(both.map(({ namespace }) => snapshotRules(namespace)))
    const before = await rules()
    const ask = (port: number, ...words: string[]) => askRedis(lab.server, port, ...words)
    const inCluster = ['--cluster-enabled', 'yes']
    const servers = await Promise.all(PORTS.map((port) => startRedis(lab, port, ...inCluster)))
    const hosts = PORTS.map((port) => `${lab.server.addresses.ipv4}:${port}`)
    await lab.server.exec(['redis-cli', '--cluster', 'create', ...hosts, '--cluster-yes'])
    for (const port of PORTS)
      await waitUntil(async () => /cluster_state:ok/.test(await ask(port, 'CLUSTER', 'INFO')), 'the cluster to be one')

    const secret = join(lab.directory, 'secret')
    t.equal((await web1.run('store-secret', secret)).exitCode, 0)
    const store = (url: string) => ['--store', url, '--store-secret-file', secret]
    const words = store(`redis+cluster://${hosts[0]},${hosts[1]}`)
    const services = [await web1.serveStore(...words), await web2.serveStore(...words)]
    const statusOf = async (node: Node) => JSON.parse((await node.run('status', '--json')).stdout) as ResponderStatus
    const armedOn = async (node: Node) => (await statusOf(node)).challenges.map(({ token }) => token)
    for (const node of both)
      await waitUntil(
        async () => (await statusOf(node)).store?.nodes.filter(({ isLive }) => isLive).length === 2,
        'both nodes to live',
      )
    const hook = async (name: string, { token, keyAuthorization }: Challenge, ...options: string[]) => {
      const command = [inRepository(`hooks/${name}`), '--run-dir', web1.runDirectory, ...options]
      const env = { CERTBOT_DOMAIN: 'cluster.example', CERTBOT_TOKEN: token, CERTBOT_VALIDATION: keyAuthorization }
      return (await web1.namespace.exec(command, { env, reject: false })).stderr
    }

    const round = async (situation: string) => {
      const challenge = challengeFor(situation)
      t.equal(await hook('auth', challenge, ...words), '', `${situation}: the auth hook`)
      t.same(await armedOn(web2), [challenge.token], `${situation}: armed on the other node`)
      const url = `http://${web2.namespace.addresses.ipv4}${challenge.path}`
      t.equal(
        (await lab.validator.exec(['curl', '-sS', url])).stdout,
        challenge.keyAuthorization,
        `${situation}: there`,
      )
      t.equal(await hook('cleanup', challenge, ...words), '', `${situation}: the cleanup hook`)
      for (const node of both) t.same(await armedOn(node), [], `${situation}: taken back`)
      for (const port of PORTS)
        t.equal(await ask(port, 'KEYS', '{certbot-nfq}:[ev]*'), '', `${situation}: nothing left`)
    }
    await round('as it was made')

    const answers = await Promise.all(PORTS.map((port) => ask(port, 'HLEN', '{certbot-nfq}:nodes')))
    t.equal(answers.filter((answer) => answer.startsWith('MOVED')).length, 2, 'one node has all')
    const owner = answers.indexOf('2')

    await startRedis(lab, ALONE)
    for (const [url, cause] of [
      [`redis://${hosts[(owner + 1) % PORTS.length]}`, 'MOVED'],
      [`redis+cluster://${lab.server.addresses.ipv4}:${ALONE}`, 'cluster support disabled'],
    ] as const) {
      const message = await hook('auth', challengeFor('another kind'), ...store(url), '--store-timeout', '5')
      t.match(message, new RegExp(`not what its URL says: .*${cause}.*\\n.*\\[store-kind,`))
      await hook('cleanup', challengeFor('another kind'), ...words)
    }

    const weight = `${await ask(PORTS[owner] ?? 0, 'CLUSTER', 'MYID')}=0`
    await lab.server.exec(['redis-cli', '--cluster', 'rebalance', hosts[owner] ?? '', '--cluster-weight', weight])
    await round('our keys have moved')
    await servers[owner]?.stop('SIGKILL')
    await round('the node is gone')

    await Promise.all(services.map((service) => service.stop('SIGTERM')))
    await waitUntil(async () => (await rules()).every((text, at) => text === before[at]), 'the rules to be gone')
  },
)
