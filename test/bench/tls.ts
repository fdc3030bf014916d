/**
 * What tls-alpn-01 costs bystanders: new TLS connections a second, and requests a second on open ones, armed over
 * unarmed, interleaved.
 *
 *     TS_NODE_TRANSPILE_ONLY=1 node --import=@tapjs/typescript/import test/bench/tls.ts iptables-nft 9
 * A third word measures one of the two alone.
 */
import { join } from 'node:path'
import { openLab, type Namespace } from '../../src/lab/lab.js'
import { startWebServer } from '../../src/lab/web-server.js'
import { callHook, tlsChallengeFor } from '../tls/validator.js'

const [firewall = 'iptables-nft', rounds = '9', only] = process.argv.slice(2)
const challenge = tlsChallengeFor('one.example.com')

const lab = await openLab()
try {
  await startWebServer(lab, { port: 443, isTls: true })
  const { server, validator } = lab
  const options = ['--run-dir', join(lab.directory, 'run'), '--firewall', firewall, '--linger', '600']
  const at = `${server.addresses.ipv4}:443`
  const measures = {
    'new connections': () => connectionsPerSecond(validator, at),
    'requests on open connections': () => requestsPerSecond(validator, at),
  }
  for (const [what, measure] of Object.entries(measures)) {
    if (only !== undefined && what !== only) continue
    const ratios: number[] = []
    for (let round = 0; round < Number(rounds); round++) {
      const before = await measure()
      await must(callHook(server, 'begin', challenge, '--no-self-check', ...options))
      const armed = await measure()
      await callHook(server, 'done', challenge, ...options)
      const after = await measure()
      ratios.push(armed / ((before + after) / 2))
    }
    ratios.sort((a, b) => a - b)
    const [least, median, most] = [ratios[0], ratios[Math.floor(ratios.length / 2)], ratios.at(-1)]
    console.log(`${firewall}, ${what}: ${[median, least, most].map((ratio) => ratio?.toFixed(2)).join(' ')}`)
  }
} finally {
  await lab.close()
}

/** Handshakes of TLS 1.3 by one client after another, each on a connection of its own. */
async function connectionsPerSecond(from: Namespace, at: string): Promise<number> {
  const words = ['openssl', 's_time', '-connect', at, '-new', '-time', '2']
  const { stdout } = await from.exec(words, { reject: false })
  const [, count, seconds] = /(\d+) connections in (\d+) real seconds/.exec(stdout) ?? []
  return Number(count) / Number(seconds)
}

async function requestsPerSecond(from: Namespace, at: string): Promise<number> {
  const { stdout } = await from.exec(['wrk', '-t1', '-c16', '-d2s', `https://${at}/`])
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1])
}

async function must(hook: ReturnType<typeof callHook>): Promise<void> {
  const { exitCode, stderr } = await hook
  if (exitCode !== 0) throw new Error(stderr)
}
