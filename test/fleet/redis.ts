/** Redis in a namespace of the lab. */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lab, Namespace, Service } from '../../src/lab/lab.js'
import { waitForListener } from '../../src/lab/wait-for-listener.js'

/** Starts a Redis without anything in it, which keeps nothing. It accepts connections when this resolves. */
export async function startRedis(lab: Lab, port: number, ...words: string[]): Promise<Service> {
  const directory = await mkdtemp(join(lab.directory, 'redis-'))
  const options = ['--save', '', '--appendonly', 'no', '--protected-mode', 'no', '--dir', directory]
  const service = lab.server.spawn(['redis-server', '--port', String(port), ...options, ...words])
  await waitForListener(service, port)
  return service
}

/** What stands between the nodes and a Redis: passes everything on, half a second later after SIGUSR2. */
const PROXY = `
const { createServer, connect } = require('node:net')
let delay = 0
process.on('SIGUSR2', () => (delay = 250 - delay))
const [from, to] = process.argv.slice(1).map(Number)
createServer((near) => {
  const far = connect(to, '127.0.0.1')
  for (const [one, other] of [[near, far], [far, near]]) {
    one.on('error', () => other.destroy()).on('close', () => other.destroy())
    one.on('data', (data) => setTimeout(() => other.destroyed || other.write(data), delay))
  }
}).listen(from)`

/** Starts such a proxy for the Redis at port `to`. Returns it; SIGUSR2 makes it slow, and quick again. */
export async function startProxy(lab: Lab, from: number, to: number): Promise<Service> {
  const service = lab.server.spawn([process.execPath, '-e', PROXY, String(from), String(to)])
  await waitForListener(service, from)
  return service
}

/** Starts a Sentinel that watches over the primary at this port of the lab's server. */
export async function startSentinel(lab: Lab, port: number, primary: number): Promise<Service> {
  const directory = await mkdtemp(join(lab.directory, 'sentinel-'))
  const file = join(directory, 'sentinel.conf')
  const lines = [
    `port ${port}`,
    'protected-mode no',
    `sentinel monitor main ${lab.server.addresses.ipv4} ${primary} 2`,
    'sentinel down-after-milliseconds main 1000',
    'sentinel failover-timeout main 5000',
  ]
  await writeFile(file, `${lines.join('\n')}\n`)
  const service = lab.server.spawn(['redis-sentinel', file])
  await waitForListener(service, port)
  return service
}

/** Asks a Redis. Returns what `redis-cli` prints. */
export async function askRedis({ exec }: Namespace, port: number, ...words: string[]): Promise<string> {
  return (await exec(['redis-cli', '-p', String(port), ...words], { reject: false })).stdout.trim()
}
