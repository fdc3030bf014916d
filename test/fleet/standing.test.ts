/** What a responder with stateless answers is like after many requests, and what a restart costs. */
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { OTHERS_QUEUED } from '../../src/firewall/ruleset.js'
import { DEFAULT_LIMITS } from '../../src/intercept/limits.js'
import { snapshotRules } from '../../src/lab/rules.js'
import { startWebServer } from '../../src/lab/web-server.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, parentOf, programs, type ArmedLab, type Hooks } from '../scenarios/armed-lab.js'
import { requestFor } from '../scenarios/challenge.js'
import { trackInvalid } from '../scenarios/stateful-rules.js'
import { exchange } from '../scenarios/tcp-client.js'

const thumbprint = '9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI'

/** How many requests: a name that is renewed every two months, asked for by six machines, takes 36 in a year. */
const REQUESTS = Number(process.env['SOAK_REQUESTS'] ?? 10_000)
const AT_ONCE = 16
/** A second. */
const RATE = OTHERS_QUEUED.inAll.perSecond * 0.75
const SOURCES = 40

/** As many as the responder remembers connections: from then on it forgets one for each that comes. */
const WARM_UP = DEFAULT_LIMITS.taken

t.test(
  'a responder that answers any token',
  { ...(await requiresKernel(...programs)), timeout: 3_600_000 },
  async (t) => {
    t.test(
      `is after ${REQUESTS} requests as it was after ${WARM_UP}, and has survived a flush and another nginx`,
      async (t) => {
        const lab = await openArmedLab(t, { prepare: trackInvalid })
        const log = join(lab.directory, 'log')
        const service = await serve(lab, '--log-file', log)
        const sources = await addSources(lab)
        const { pid } = await lab.running()
        const look = async () => {
          const { counts } = await lab.running()
          return {
            descriptors: readdirSync(`/proc/${pid}/fd`).length,
            ofKeeper: readdirSync(`/proc/${parentOf(pid)}/fd`).length,
            threads: readdirSync(`/proc/${pid}/task`).length,
            processes: (await lab.server.processes()).length,
            rules: await snapshotRules(lab.server),
            flows: counts['flows'] ?? NaN,
            bytesHeld: counts['bytesHeld'] ?? NaN,
            memory: Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]),
            log: statSync(log).size,
          }
        }
        await flood(t, lab, sources, WARM_UP)
        const before = await look()
        await flood(t, lab, sources, (REQUESTS - WARM_UP) / 2)
        // Another program flushes the rules, and the web server is restarted.
        await lab.server.exec(['iptables', '-w', '-t', 'mangle', '-F'])
        await waitUntil(
          async () => ((await lab.running()).counts['rulesRepaired'] ?? 0) > 0,
          'the rules to be put back',
        )
        await lab.webServer.service.stop('SIGTERM')
        const webServer = await startWebServer(lab)
        await flood(t, lab, sources, (REQUESTS - WARM_UP) / 2)
        const after = await look()
        for (const quantity of ['descriptors', 'ofKeeper', 'threads', 'processes', 'rules'] as const)
          t.equal(after[quantity], before[quantity], quantity)
        t.comment(`memory ${before.memory} KiB, then ${after.memory} KiB; log ${before.log} bytes, then ${after.log}`)
        t.ok(after.memory < 1.5 * before.memory, `memory: ${before.memory} KiB, then ${after.memory} KiB`)
        const { counts, limits = {} } = await lab.running()
        for (const name of ['flows', 'bytesHeld']) t.ok((counts[name] ?? NaN) <= (limits[name] ?? NaN), name)
        t.same([counts['faults'], counts['lostByKernel']], [0, 0])
        await waitUntil(
          async () => (await lab.running()).counts['flows'] === 0,
          'every connection to be forgotten',
          180_000,
        )
        await Promise.all([service.stop('SIGTERM'), webServer.service.stop('SIGTERM')])
        t.same(await lab.leftovers(), [])
      },
    )

    t.test('a restart has a gap, and none with a second one meanwhile', async (t) => {
      const lab = await openArmedLab(t, { prepare: trackInvalid })
      const service = await serve(lab)
      const probes = probe(lab, await addSources(lab))
      await probes.some(20)
      await service.stop('SIGTERM')
      const next = await serve(lab)
      await probes.some(20)
      const [gap] = probes.gaps()
      t.comment(`gap of a restart: ${gap === undefined ? 'none' : `${Math.round(gap)} ms`}`)
      t.ok(gap !== undefined, 'the gap is seen')

      const seen = probes.gaps().length
      const meanwhile = lab.hooksIn('meanwhile')
      const second = await serve(meanwhile, '--mark', '0x100000')
      await next.stop('SIGTERM')
      const last = await serve(lab)
      await probes.some(20)
      await second.stop('SIGTERM')
      await probes.some(20)
      t.equal(probes.gaps().length, seen, 'every request was answered')
      await probes.stop()
      await last.stop('SIGTERM')
      t.same(await lab.leftovers(), [])
    })
  },
)

async function serve(hooks: Hooks, ...options: string[]) {
  const service = await hooks.serve('--account', thumbprint, '--no-self-check', ...options)
  await service.waitForOutput(/any token is answered/)
  return service
}

/** Addresses of the validator: each is asked from so seldom that its limit is not reached. */
async function addSources(lab: ArmedLab): Promise<string[]> {
  const sources = Array.from({ length: SOURCES }, (_, at) => `192.0.2.${100 + at}`)
  for (const source of sources) await lab.validator.addAddress(source)
  return sources
}

const newToken = () => randomBytes(32).toString('base64url')

/** Asks for a made-up token. Returns whether the answer is the account's. */
async function ask(lab: ArmedLab, from?: { address: string; port: number }): Promise<boolean> {
  const token = newToken()
  const target = { address: lab.server.addresses.ipv4, ...(from && { from }) }
  const answer = await exchange(lab.validator, target, requestFor('GET', `/.well-known/acme-challenge/${token}`))
  return answer.endsWith(`\r\n\r\n${token}.${thumbprint}`)
}

/** Many requests from many sources, some at once, below the limit in all. All of them have to be answered. */
async function flood(t: Test, lab: ArmedLab, sources: readonly string[], count: number): Promise<void> {
  let asked = 0
  let answered = 0
  const start = performance.now()
  const client = async () => {
    while (asked < count) {
      const source = sources[asked++ % sources.length] ?? ''
      await delay(start + (asked * 1_000) / RATE - performance.now())
      if (await ask(lab, { address: source, port: 0 })) answered++
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, client))
  t.equal(answered, asked, `${asked} requests`)
}

/** Asks again and again, until it is stopped. */
function probe(lab: ArmedLab, sources: readonly string[]) {
  const results: { readonly at: number; readonly isAnswered: boolean }[] = []
  const over = new AbortController()
  const ended = (async () => {
    while (!over.signal.aborted) {
      const at = performance.now()
      const isAnswered = await ask(lab, { address: sources[results.length % sources.length] ?? '', port: 0 })
      results.push({ at, isAnswered })
      await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  return {
    /** Resolves after so many more answers. */
    some: async (count: number) => {
      const start = results.length
      await waitUntil(() => Promise.resolve(results.length >= start + count), 'answers')
    },
    /** Milliseconds from the first request that was not answered to the first that was again, for each such time. */
    gaps: () =>
      results.flatMap(({ at, isAnswered }, index) => {
        if (isAnswered || results[index - 1]?.isAnswered === false) return []
        const end = results.slice(index).find((later) => later.isAnswered)
        return [(end?.at ?? Infinity) - at]
      }),
    stop: async () => {
      over.abort()
      await ended
    },
  }
}
