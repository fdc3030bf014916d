/**
 * `npm run fuzz -- [--seed N] [--packets N] [--seconds N] [--processes N] [--dns N]`: packets to decisions, then DNS
 * messages, then half as many ClientHellos as packets, then control messages, then a live control socket, then the
 * properties of `npm test`. It ends with status 1 at the first fault, and prints the seed that shows it again.
 */
import { fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { inRepository } from '../../src/lab/repository.js'
import { fuzzMessages } from './control-messages.js'
import { fuzzSocket } from './control-socket.js'
import { fuzzDns } from './dns-messages.js'
import { bytesInUse } from './heap.js'
import { fuzzHellos } from './hellos.js'
import { PacketTarget, type PacketCounts } from './packets.js'
import { Random } from './random.js'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 0x7fffffff) },
    packets: { type: 'string', default: '10000000' },
    seconds: { type: 'string', default: '3600' },
    processes: { type: 'string', default: String(availableParallelism()) },
    dns: { type: 'string', default: '5000000' },
    part: { type: 'boolean', default: false },
  },
})
const [seed, packets, seconds, processes] = [values.seed, values.packets, values.seconds, values.processes].map(
  Number,
) as [number, number, number, number]
if (
  ![seed, packets, seconds, processes, Number(values.dns)].every((value) => Number.isInteger(value) && value >= 0) ||
  processes === 0
)
  throw new Error('every option takes a whole number')

/** Packets between two looks at the clock. */
const BATCH = 20_000

/** Bytes that may be in use more at the end than after the first tenth: the compiler and its caches go on working. */
const GROWTH = 4_000_000

if (values.part) runPart()
else await runAll()

/** All targets. Packets are shared out among processes, for each has its own heap to watch. */
async function runAll(): Promise<void> {
  console.log(`seed ${seed}: ${packets} packets in ${processes} processes, ${seconds} s at most`)
  const start = performance.now()
  const all = await Promise.all(
    Array.from({ length: processes }, (_, at) => part(seed + at, Math.ceil(packets / processes))),
  )
  const took = (performance.now() - start) / 1000
  const sum = (count: (part: PartResult) => number) => all.reduce((total, each) => total + count(each), 0)
  const counts = (Object.keys(all[0]?.counts ?? {}) as (keyof PacketCounts)[]).map(
    (name) => `${name} ${sum((each) => each.counts[name])}`,
  )
  console.log(
    `packets: ${counts.join(', ')}; ${Math.round(sum((each) => each.counts.packets) / took)} packets/s for ${took.toFixed(1)} s`,
  )
  console.log(
    `memory: ${all.map(({ growth }) => `${(growth / 1e6).toFixed(2)} MB more`).join(', ')} at the end than after the first tenth`,
  )
  console.log(`DNS messages: ${JSON.stringify(fuzzDns(new Random(seed), Number(values.dns)))}`)
  console.log(`hellos: ${JSON.stringify(fuzzHellos(new Random(seed), Math.ceil(packets / 2)))}`)
  console.log(`control messages: ${JSON.stringify(fuzzMessages(new Random(seed), 500_000))}`)
  console.log(`control socket: ${JSON.stringify(await fuzzSocket(new Random(seed), 5_000))}`)
  await checkProperties()
  console.log('no fault')
}

/** Runs every test of a property with this seed, as `npm test` does with one that stays. */
async function checkProperties(): Promise<void> {
  const tests = readdirSync(inRepository('test'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => inRepository(`test/${name}`))
    .filter((path) => /^import .*(holds|seed)\.js'$/m.test(readFileSync(path, 'utf8')))
  console.log(`properties: ${tests.length} files with TEST_SEED=${seed}`)
  const env = { ...process.env, TEST_SEED: String(seed) }
  const run = spawn('npm', ['run', '--silent', 'tap', '--', ...tests], { env, stdio: 'inherit' })
  const [status] = (await once(run, 'exit')) as [number | null]
  if (status !== 0) process.exit(1)
}

interface PartResult {
  readonly counts: PacketCounts
  readonly growth: number
}

/** One process; its own end is ours when it has found something. */
async function part(partSeed: number, partPackets: number): Promise<PartResult> {
  const options = ['--part', `--seed=${partSeed}`, `--packets=${partPackets}`, `--seconds=${seconds}`]
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), options)
  const ended = once(child, 'exit') as Promise<[number | null]>
  const result = new Promise<PartResult>((resolve) =>
    child.once('message', (message) => resolve(message as PartResult)),
  )
  const [status] = await ended
  if (status === 0) return result
  console.log(`found with: npm run fuzz -- --processes 1 --seed ${partSeed} --packets ${partPackets}`)
  process.exit(1)
}

function runPart(): void {
  const target = new PacketTarget(seed)
  const end = performance.now() + seconds * 1000
  let before: number | undefined
  while (target.counts.packets < packets && performance.now() < end) {
    target.run(Math.min(BATCH, packets - target.counts.packets))
    if (before === undefined && target.counts.packets >= packets / 10) {
      target.settle()
      before = bytesInUse()
    }
  }
  target.settle()
  const growth = bytesInUse() - (before ?? bytesInUse())
  if (growth > GROWTH) throw new Error(`${growth} bytes more in use at the end than after the first tenth`)
  process.send?.({ counts: target.counts, growth } satisfies PartResult)
}
