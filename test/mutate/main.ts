/**
 * `npm run mutate -- [--every N] FILE…`: makes small changes in source files (or a folder of src), one at
 * a time, and runs the tests of their room on each. If no test notices a change, the mutant survives: a test is
 * missing. `--every` takes each N-th mutant only. Tests that need root are left out.
 *
 * Each test file is bundled once, with every mutant and tap in it. A process then starts with 0.2 s of processor
 * time, where loading the files one by one takes 1 s.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { build, type Plugin } from 'esbuild'
import { instrument, type Mutant } from './instrument.js'

interface TestFile {
  readonly path: string
  readonly bundle: string
  /** Of the test as it is. */
  readonly cpuSeconds: number
  readonly milliseconds: number
  /** The mutants whose place it passes. */
  readonly hits: ReadonlySet<number>
}

/** What a test without a mutant leaves as JSON when it ends. */
interface Measured {
  readonly hits: readonly number[]
  readonly cpuSeconds: number
}

type Outcome = 'passed' | 'failed' | 'slow'

/**
 * A mutant may make a test this much slower before that counts as noticed: for a loop without end in processor time, as
 * the machine may be busy with other things; for a wait without end in time.
 */
const SLOWER = 10
const PATIENCE_CPU_SECONDS = 5
const PATIENCE = 90_000

/** Source file to its code with every mutant. */
const instrumented = new Map<string, string>()

/** Loads the instrumented code of a file, if there is some. `import.meta.url` of each file stays as it was. */
const withMutants: Plugin = {
  name: 'mutants',
  setup({ onLoad }) {
    // Tests that need the kernel are left out: a change of a ruleset would take a minute.
    onLoad({ filter: /\/test\/requires-kernel\.ts$/ }, () => ({
      contents: `export const requiresKernel = async () => ({ skip: 'not with mutants' })`,
    }))
    onLoad({ filter: /\.[cm]?[jt]s$/ }, ({ path }) => ({
      contents: (instrumented.get(path) ?? readFileSync(path, 'utf8')).replaceAll(
        'import.meta.url',
        JSON.stringify(pathToFileURL(path).href),
      ),
      loader: path.endsWith('ts') ? 'ts' : 'js',
    }))
  },
}

/** What stands before each bundle, under names that no file has. */
const START = `
  import { createRequire as requireFrom$ } from 'node:module'
  import { writeFileSync as write$ } from 'node:fs'
  const require = requireFrom$(import.meta.url)
  {
    const on = Number(process.env.MUTANT), hits = new Set(), path = process.env.MEASURED
    globalThis.mutant = (id) => { hits.add(id); return id === on }
    if (path) process.on('exit', () => {
      const { user, system } = process.cpuUsage()
      write$(path, JSON.stringify({ hits: [...hits], cpuSeconds: (user + system) / 1e6 }))
    })
  }`

const root = fileURLToPath(new URL('../../', import.meta.url))
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { every: { type: 'string', default: '1' }, jobs: { type: 'string', default: `${availableParallelism()}` } },
})
// Within the repository, so that a bundle finds the addons.
mkdirSync(join(root, '.tap'), { recursive: true })
const work = mkdtempSync(join(root, '.tap', 'mutate-'))
process.on('exit', () => rmSync(work, { recursive: true, force: true }))

const sources = positionals.flatMap(filesIn).sort()
let made = 0
const mutants = sources.flatMap(instrumentOne)
const chosen = mutants.filter(({ id }) => id % Number(values.every) === 0)
const tests = await inParallel([...new Set(sources.flatMap(testsOf))], Number(values.jobs), measure)
console.log(`${chosen.length} mutants, ${tests.length} test files`)
const survivors: Mutant[] = []
await inParallel(chosen, Number(values.jobs), async (mutant) => {
  const outcome = await tryMutant(mutant)
  if (outcome === 'failed') return
  if (outcome === 'passed') survivors.push(mutant)
  const remark = outcome === 'slow' ? '  (noticed by time)' : isReached(mutant) ? '' : '  (no test comes by)'
  console.log(`${mutant.file}:${mutant.line}  ${mutant.change}${remark}`)
})
report()

function filesIn(path: string): string[] {
  const whole = resolve(path)
  if (!statSync(whole).isDirectory()) return [whole]
  return readdirSync(whole, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(whole, name))
}

/** Those that lie where the file lies, under test instead of src. Ends the process when there is no such folder. */
function testsOf(source: string): string[] {
  const folder = join(root, 'test', relative(join(root, 'src'), dirname(source)))
  if (!existsSync(folder)) {
    const [tests, code] = [folder, dirname(source)].map((path) => relative(root, path))
    console.error(`There is no folder ${tests}: mutants of ${code} need tests in the folder of the same name.`)
    process.exit(1)
  }
  return readdirSync(folder)
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(folder, name))
}

function instrumentOne(path: string): readonly Mutant[] {
  const { code, mutants } = instrument(relative(root, path), readFileSync(path, 'utf8'), made + 1)
  made += mutants.length
  instrumented.set(path, code)
  return mutants
}

/** Bundles a test file and runs it without any mutant, which it has to pass. */
async function measure(path: string): Promise<TestFile> {
  const name = relative(root, path).replaceAll('/', '-')
  const bundle = join(work, `${name}.mjs`)
  await build({
    entryPoints: [path],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['koffi', 'nfqueue'],
    banner: { js: START },
    plugins: [withMutants],
    logLevel: 'error',
  })
  const measured = join(work, `${name}.json`)
  const before = performance.now()
  const outcome = await run(bundle, { MEASURED: measured }, 600, 600_000)
  if (outcome !== 'passed') throw new Error(`${relative(root, path)} fails as it is`)
  const { hits, cpuSeconds } = JSON.parse(readFileSync(measured, 'utf8')) as Measured
  return { path, bundle, cpuSeconds, milliseconds: performance.now() - before, hits: new Set(hits) }
}

/** Runs the tests that pass a mutant's place, its own file's first, until one does not pass. */
async function tryMutant({ id, file }: Mutant): Promise<Outcome> {
  const own = basename(file).replace(/\.ts$/, '.test.ts')
  const rank = ({ path, cpuSeconds }: TestFile) => (basename(path) === own ? 0 : cpuSeconds)
  for (const test of tests.filter(({ hits }) => hits.has(id)).sort((a, b) => rank(a) - rank(b))) {
    const cpuSeconds = Math.ceil(test.cpuSeconds * SLOWER + PATIENCE_CPU_SECONDS)
    const outcome = await run(test.bundle, { MUTANT: `${id}` }, cpuSeconds, test.milliseconds * SLOWER + PATIENCE)
    if (outcome !== 'passed') return outcome
  }
  return 'passed'
}

function run(bundle: string, environment: NodeJS.ProcessEnv, cpuSeconds: number, limit: number): Promise<Outcome> {
  const node = [process.execPath, '--no-warnings', bundle]
  const child = spawn('sh', ['-c', `ulimit -t ${cpuSeconds}; exec "$@"`, 'sh', ...node], {
    cwd: root,
    env: { ...process.env, TAP_BAIL: '1', TAP_TIMEOUT: '600', ...environment },
    stdio: 'ignore',
    timeout: Math.round(limit),
    killSignal: 'SIGKILL',
  })
  return new Promise((done) =>
    child.on('exit', (code, signal) => done(code === 0 ? 'passed' : signal === 'SIGKILL' ? 'slow' : 'failed')),
  )
}

async function inParallel<Item, Result>(
  items: readonly Item[],
  jobs: number,
  task: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  const rest = [...items.entries()]
  const work = async () => {
    for (let next = rest.shift(); next; next = rest.shift()) results[next[0]] = await task(next[1])
  }
  await Promise.all(Array.from({ length: jobs }, work))
  return results
}

function isReached({ id }: Mutant): boolean {
  return tests.some(({ hits }) => hits.has(id))
}

function report(): void {
  const scoreOf = (all: readonly Mutant[], left: readonly Mutant[]) =>
    `${all.length - left.length} of ${all.length} noticed, ${((100 * (all.length - left.length)) / all.length).toFixed(1)} %`
  for (const source of sources) {
    const ours = ({ file }: Mutant) => file === relative(root, source)
    if (chosen.some(ours))
      console.log(`${relative(root, source)}: ${scoreOf(chosen.filter(ours), survivors.filter(ours))}`)
  }
  console.log(`in all: ${scoreOf(chosen, survivors)}${values.every === '1' ? '' : ` (each ${values.every}th mutant)`}`)
}
