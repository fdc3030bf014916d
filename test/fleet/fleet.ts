/** Several machines behind a load balancer: namespaces for tests of what all of them have to answer. */
import { join } from 'node:path'
import { openLab, type Lab, type Service } from '../../src/lab/lab.js'
import { bringUp, createNamespace, type Namespace } from '../../src/lab/namespace.js'
import { inRepository } from '../../src/lab/repository.js'
import { run } from '../../src/lab/run.js'
import { startWebServer, type WebServer } from '../../src/lab/web-server.js'

/** A machine behind the load balancer. */
export interface Node {
  readonly namespace: Namespace
  readonly webServer: WebServer
  readonly runDirectory: string
  /** Runs `certbot-nfq`. A failure is a result. */
  run(...words: string[]): ReturnType<Namespace['exec']>
  /** Starts `certbot-nfq serve` with its run directory; this resolves when any token is answered. */
  serve(...words: string[]): Promise<Service>
  /** Starts the same; this resolves when it looks at a store. */
  serveStore(...words: string[]): Promise<Service>
}

/** A lab whose server is a load balancer, and the machines behind it. */
export interface Fleet {
  /** `server` is the load balancer. On the first node, `lab` as it is here lets certbot run. */
  readonly lab: Lab
  readonly nodes: readonly Node[]
  /** The lab with a node in the server's place. */
  labOf(node: Node): Lab
}

/**
 * Opens a lab in which port 80 of the server leads to machines behind it in turn, each connection to the next one. They
 * see the clients' addresses, and reach them through the load balancer.
 */
export async function openFleet(count: number): Promise<Fleet> {
  const lab = await openLab({ spare: count })
  try {
    const { server, validator } = lab
    await server.exec(['sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward'])
    await validator.exec(['ip', 'route', 'add', '198.51.100.0/24', 'via', server.addresses.ipv4])
    const nodes = await Promise.all(lab.spare.map((name, at) => addNode(lab, name, at + 1)))
    const fleet = { lab, nodes, labOf: ({ namespace }: Node) => ({ ...lab, server: namespace }) }
    await balance(fleet, nodes)
    return fleet
  } catch (error) {
    await lab.close()
    throw error
  }
}

/** Has the load balancer use these nodes and no others, from the next connection on. */
export async function balance({ lab: { server } }: Fleet, nodes: readonly Node[]): Promise<void> {
  const lines = nodes.map(({ namespace }, at) => {
    const turn = `-m statistic --mode nth --every ${nodes.length - at} --packet 0`
    const destination = `-j DNAT --to-destination ${namespace.addresses.ipv4}`
    return `-A PREROUTING -p tcp -d ${server.addresses.ipv4} --dport 80 ${turn} ${destination}`
  })
  await server.exec(['iptables-restore', '-w'], {
    input: ['*nat', '-F PREROUTING', ...lines, 'COMMIT', ''].join('\n'),
  })
}

async function addNode(lab: Lab, name: string, number: number): Promise<Node> {
  const { server, directory } = lab
  const ends = [
    { ipv4: `198.51.100.${8 * number + 1}`, ipv6: `2001:db8:${number}::1` },
    { ipv4: `198.51.100.${8 * number + 2}`, ipv6: `2001:db8:${number}::2` },
  ] as const
  const namespace = await createNamespace(name, 'eth0', ends[1])
  const link = [
    'link',
    'add',
    `node${number}`,
    'type',
    'veth',
    'peer',
    'name',
    namespace.device,
    'netns',
    namespace.name,
  ]
  await run(['ip', '-n', server.name, ...link])
  await bringUp(server.name, `node${number}`, ends[0])
  await bringUp(namespace.name, namespace.device, ends[1])
  for (const [where, device, address] of [
    [server, `node${number}`, ends[0].ipv4],
    [namespace, namespace.device, ends[1].ipv4],
  ] as const) {
    await where.exec(['ip', 'address', 'del', `${address}/24`, 'dev', device])
    await where.exec(['ip', 'address', 'add', `${address}/29`, 'dev', device])
  }
  await namespace.exec(['ip', 'route', 'add', 'default', 'via', ends[0].ipv4])
  const webServer = await startWebServer(lab, { namespace })
  const runDirectory = join(directory, `run-${number}`)
  const program = inRepository('hooks/certbot-nfq')
  const start = async (ready: RegExp, words: readonly string[]) => {
    const service = namespace.spawn([program, 'serve', '--run-dir', runDirectory, ...words])
    await service.waitForOutput(ready)
    return service
  }
  return {
    namespace,
    webServer,
    runDirectory,
    run: (command = '', ...rest) =>
      namespace.exec([program, command, '--run-dir', runDirectory, ...rest], { reject: false }),
    serve: (...rest) => start(/any token is answered/, rest),
    serveStore: (...rest) => start(/store \S+ is looked at/, [...rest, '--store-name', `web${number}`]),
  }
}
