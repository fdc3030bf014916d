/**
 * The resident memory of the responder while many handshakes of tls-alpn-01 are open: those that a client leaves in the
 * middle, more of them than it keeps, and whole ones whose client never closes.
 *
 *     TS_NODE_TRANSPILE_ONLY=1 node --import=@tapjs/typescript/import test/bench/tls-memory.ts
 * A further word is the number of connections; 600 unless said.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { request } from '../../src/control/client.js'
import { openLab, type Service } from '../../src/lab/lab.js'
import { startWebServer } from '../../src/lab/web-server.js'
import { opensslHello } from '../fixtures/captured-hellos.js'
import { callHook, tlsChallengeFor } from '../tls/validator.js'

const count = Number(process.argv[2] ?? 600)
/** The name that the recorded hello asks for. */
const challenge = tlsChallengeFor('example.com')
/** More than a responder lets a handshake last. */
const expiry = 65_000

/** Opens connections from all its addresses, forty at a time. Each waits for the server's first bytes. */
const PROGRAM = `
  import { once } from 'node:events'
  import { connect as connectTcp } from 'node:net'
  import { connect as connectTls } from 'node:tls'
  const [, host, kind, count, hello, ...sources] = process.argv
  const open = async (number) => {
    const localAddress = sources[number % sources.length]
    const socket = connectTcp({ host, port: 443, localAddress, allowHalfOpen: true })
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    if (kind === 'half') {
      socket.write(Buffer.from(hello, 'hex'))
      return once(socket, 'data')
    }
    const options = { servername: 'example.com', ALPNProtocols: ['acme-tls/1'], rejectUnauthorized: false }
    const tls = connectTls({ socket, ...options }).on('error', () => undefined)
    return once(tls, 'secureConnect')
  }
  for (let number = 0; number < Number(count); number += 40)
    await Promise.all(Array.from({ length: Math.min(40, Number(count) - number) }, (_, at) => open(number + at)))
  console.log('all open')
  setInterval(() => undefined, 1e6)
`

const lab = await openLab()
try {
  const { server, validator } = lab
  await startWebServer(lab, { port: 443, isTls: true })
  const runDirectory = join(lab.directory, 'run')
  const sources = Array.from({ length: 20 }, (_, at) => `192.0.2.${100 + at}`)
  for (const source of sources) await validator.addAddress(source)
  const { exitCode, stderr } = await callHook(server, 'begin', challenge, '--no-self-check', '--run-dir', runDirectory)
  if (exitCode !== 0) throw new Error(stderr)
  const status = async () => {
    const response = await request(join(runDirectory, 'control'), { op: 'status' })
    if (typeof response !== 'object' || !response.status) throw new Error('no responder')
    return response.status
  }
  const { pid } = await status()
  let first: number | undefined
  const tell = async (what: string) => {
    const bytes = residentBytes(pid)
    first ??= bytes
    const { takenOver, faults, lostByKernel } = (await status()).counts
    console.log(
      `${what}: ${(bytes / 2 ** 20).toFixed(1)} MiB, ${(bytes / first).toFixed(2)} of the first;` +
        ` taken over ${takenOver}, faults ${faults}, lost ${lostByKernel}`,
    )
  }
  const open = async (kind: 'half' | 'whole', number: number): Promise<Service> => {
    const words = [server.addresses.ipv4, kind, String(number), Buffer.from(opensslHello).toString('hex'), ...sources]
    const client = validator.spawn([process.execPath, '--input-type=module', '-e', PROGRAM, ...words])
    await client.waitForOutput(/^all open$/m)
    return client
  }
  await delay(2_000)
  await tell('armed')
  for (const [kind, number, what] of [
    ['whole', count, 'a'],
    ['half', count, 'b'],
    ['whole', count, 'c'],
    ['half', count, 'd'],
    ['whole', count, `${count} whole handshakes that the client does not close`],
  ] as const) {
    const client = await open(kind, number)
    await tell(what)
    await client.stop()
    await delay(expiry)
    await tell('some time after they have gone')
  }
  await callHook(server, 'done', challenge, '--run-dir', runDirectory)
} finally {
  await lab.close()
}

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) * 1024
}
