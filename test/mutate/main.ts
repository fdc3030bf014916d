/**
 * `npm run mutate -- [--every N] FILE…`: makes small changes in source files (folders of src, too), one at a time, and
 * runs the tests of their room on each. A mutant that no test notices survives: a test is missing. `--every` takes each
 * N-th mutant only.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { transformSync } from 'esbuild'
import { instrument, type Mutant } from './instrument.js'

interface TestFile {
  readonly path: string
  readonly milliseconds: number
  /** The mutants whose place it passes. */
  readonly hits: ReadonlySet<number>
}

/** A mutant may make a test this much slower before that counts as noticed: a loop without end, mostly. */
const SLOWER = 10
const PATIENCE = 10_000

const root = fileURLToPath(new URL('../../', import.meta.url))
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { every: { type: 'string', default: '1' }, jobs: { type: 'string', default: `${availableParallelism()}` } },
})
// Within the repository, so that the loader finds its packages.
mkdirSync(join(root, '.tap'), { recursive: true })
const work = mkdtempSync(join(root, '.tap', 'mutate-'))
process.on('exit', () => rmSync(work, { recursive: true, force: true }))

const sources = positionals.flatMap(filesIn).sort()
const mutants = instrumentAll(sources)
const chosen = mutants.filter(({ id }) => id % Number(values.every) === 0)
const tests = await inParallel([...new Set(sources.flatMap(testsOf))], Number(values.jobs), measure)
const survivors: Mutant[] = []
await inParallel(chosen, Number(values.jobs), async (mutant) => {
  if (!(await isNoticed(mutant))) survivors.push(mutant)
})
report()

function filesIn(path: string): string[] {
  const whole = resolve(path)
  if (!statSync(whole).isDirectory()) return [whole]
  return readdirSync(whole, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(whole, name))
}

/** Those that lie where the file lies, under test instead of src. */
function testsOf(source: string): string[] {
  const folder = join(root, 'test', relative(join(root, 'src'), dirname(source)))
  return readdirSync(folder)
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(folder, name))
}

/** Writes the instrumented code of all, and what a test process needs to load it. */
function instrumentAll(paths: readonly string[]): Mutant[] {
  const all: Mutant[] = []
  const codes: Record<string, string> = {}
  for (const [place, path] of paths.entries()) {
    const { code, mutants } = instrument(relative(root, path), readFileSync(path, 'utf8'), all.length + 1)
    all.push(...mutants)
    writeFileSync((codes[path] = join(work, `${place}-${basename(path)}.js`)), code)
  }
  writeFileSync(join(work, 'codes.json'), JSON.stringify(codes))
  const loader = readFileSync(new URL('loader.ts', import.meta.url), 'utf8')
  writeFileSync(join(work, 'loader.mjs'), transformSync(loader, { loader: 'ts', target: 'es2022' }).code)
  const start = `
    import { register } from 'node:module'
    import { writeFileSync } from 'node:fs'
    const on = Number(process.env.MUTANT)
    const hits = new Set()
    globalThis.mutant = (id) => { hits.add(id); return id === on }
    if (process.env.HITS) process.on('exit', () => writeFileSync(process.env.HITS, JSON.stringify([...hits])))
    register(${JSON.stringify(pathToFileURL(join(work, 'loader.mjs')).href)}, { data: { path: ${JSON.stringify(join(work, 'codes.json'))} } })`
  writeFileSync(join(work, 'start.mjs'), start)
  return all
}

/** Runs a test file without any mutant, which it has to pass. */
async function measure(path: string): Promise<TestFile> {
  const hitsPath = join(work, `${basename(path)}-${Math.random()}.json`)
  const before = performance.now()
  if (!(await passes(path, { HITS: hitsPath }, 600_000))) throw new Error(`${relative(root, path)} fails as it is`)
  const hits = new Set(JSON.parse(readFileSync(hitsPath, 'utf8')) as number[])
  return { path, milliseconds: performance.now() - before, hits }
}

async function isNoticed({ id }: Mutant): Promise<boolean> {
  const passing = tests.filter(({ hits }) => hits.has(id)).sort((a, b) => a.milliseconds - b.milliseconds)
  for (const { path, milliseconds } of passing)
    if (!(await passes(path, { MUTANT: `${id}` }, milliseconds * SLOWER + PATIENCE))) return true
  return false
}

function passes(path: string, environment: NodeJS.ProcessEnv, limit: number): Promise<boolean> {
  const child = spawn(process.execPath, ['--no-warnings', `--import=${join(work, 'start.mjs')}`, path], {
    cwd: root,
    env: { ...process.env, TAP_BAIL: '1', TAP_TIMEOUT: '600', TMPDIR: tmpdir(), ...environment },
    stdio: 'ignore',
    timeout: Math.round(limit),
    killSignal: 'SIGKILL',
  })
  return new Promise((done) => child.on('exit', (code) => done(code === 0)))
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

function report(): void {
  for (const { file, line, change } of survivors.sort((a, b) => a.id - b.id)) console.log(`${file}:${line}  ${change}`)
  const scoreOf = (all: readonly Mutant[], left: readonly Mutant[]) =>
    `${all.length - left.length} of ${all.length} noticed, ${((100 * (all.length - left.length)) / all.length).toFixed(1)} %`
  for (const source of sources) {
    const ours = ({ file }: Mutant) => file === relative(root, source)
    if (chosen.some(ours))
      console.log(`${relative(root, source)}: ${scoreOf(chosen.filter(ours), survivors.filter(ours))}`)
  }
  console.log(`in all: ${scoreOf(chosen, survivors)}${values.every === '1' ? '' : ` (each ${values.every}th mutant)`}`)
}
