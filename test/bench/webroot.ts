/**
 * Measures how long after a file's appearance in a watched webroot its challenge is armed: `npm run bench:webroot`,
 * with `-- --rounds N` for another number than 40. Prints a table for docs/clients.md, and writes nothing.
 */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { request } from '../../src/control/client.js'
import { kernelUnavailable, openLab } from '../../src/lab/lab.js'
import { inRepository } from '../../src/lab/repository.js'
import { startWebServer } from '../../src/lab/web-server.js'
import { challengeFor, type Challenge } from '../scenarios/challenge.js'
import { measureGaps, printGaps } from './webroot-gap.js'
import { emptyComparison, formatRatios, median, percentile, type Comparison } from './figures.js'

const { values: options } = parseArgs({ options: { rounds: { type: 'string', default: '40' } } })
const rounds = Number(options.rounds)

const reason = await kernelUnavailable()
if (reason !== undefined) throw new Error(`cannot run here: ${reason}`)
const lab = await openLab()
try {
  await startWebServer(lab)
  await measure()
} finally {
  await lab.close()
}
printGaps(await measureGaps(Math.ceil(rounds / 8)))

async function measure(): Promise<void> {
  const webroot = join(lab.directory, 'webroot')
  const directory = join(webroot, '.well-known', 'acme-challenge')
  const runDirectory = join(lab.directory, 'run')
  const socket = join(runDirectory, 'control')
  const service = lab.server.spawn([
    ...[inRepository('hooks/certbot-nfq'), 'serve', '--run-dir', runDirectory, '--webroot', webroot],
    ...['--log-format', 'json'],
  ])
  await service.waitForOutput(/is watched/)
  // Each beside the same challenge armed over the control socket, which is what a hook does once it runs.
  const first = emptyComparison()
  const further = emptyComparison()
  let number = 0
  for (let round = 0; round < rounds; round++) {
    const [one, other, third, fourth] = Array.from({ length: 4 }, () => challengeFor(`webroot ${number++}`)) as [
      Challenge,
      Challenge,
      Challenge,
      Challenge,
    ]
    // The directories are made for the first file, as clients do, and removed after the last.
    first.values.push(await armed(one, () => write(one)))
    further.values.push(await armed(other, () => write(other)))
    await rm(join(webroot, '.well-known'), { recursive: true })
    await service.waitForOutput(
      new RegExp(`${one.token} disarmed[^]*rules removed|rules removed[^]*${one.token} disarmed`),
    )
    await idle()
    first.baselines.push(await armed(third, () => ask(third)))
    further.baselines.push(await armed(fourth, () => ask(fourth)))
    for (const { token } of [third, fourth]) await request(socket, { op: 'disarm', token })
    await idle()
  }
  await service.stop()
  print('first file', first)
  print('further file', further)

  /** Milliseconds from the start of `work` until the responder says that the challenge is armed. */
  async function armed({ token }: Challenge, work: () => Promise<unknown>): Promise<number> {
    const before = performance.timeOrigin + performance.now()
    await work()
    const [, time = ''] = await service.waitForOutput(new RegExp(`"time":"([^"]+)"[^\\n]*${token} armed`))
    return Date.parse(time) - before
  }

  async function write({ token, keyAuthorization }: Challenge): Promise<void> {
    await mkdir(directory, { recursive: true })
    await writeFile(join(directory, `.${token}`), keyAuthorization)
    await rename(join(directory, `.${token}`), join(directory, token))
  }

  function ask({ token, keyAuthorization }: Challenge): Promise<unknown> {
    return request(socket, { op: 'arm', token, keyAuthorization, identifier: 'example.com', port: 80, ttl: 3600 })
  }

  /** Resolves when no rule is left. */
  async function idle(): Promise<void> {
    for (;;) {
      const response = await request(socket, { op: 'status' })
      if (typeof response === 'object' && !response.status?.firewall) return
    }
  }
}

function print(name: string, comparison: Comparison): void {
  const { values, baselines } = comparison
  const shares = [0.5, 0.9, 1].map((share) => percentile(values, share).toFixed(0))
  const within = values.filter((value) => value <= 50).length
  console.log(
    `| ${name} | ${shares.join(' / ')} ms | ${within} of ${values.length} | ${median(baselines).toFixed(0)} ms | ${formatRatios(comparison)} |`,
  )
}
