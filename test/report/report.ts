/**
 * What `npm test` prints of a run of tap: a line for each test file as it ends; at the end every failure in full, and
 * the sums.
 */
import { Parser, type Result } from 'tap-parser'
import { inspect } from 'node:util'

export interface Sums {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

interface File {
  readonly name: string
  readonly seconds: number
}

/** So many of the slowest files are named. */
const SLOWEST = 10

/** Keys of a test file's own result that say how it was run, the same for all. */
const SURROUNDINGS = ['stdio', 'cwd', 'command', 'args', 'jobId', 'externalID']

/**
 * Takes what tap writes. Also a failure, which tap lets pass: what is still to do, a file that asserts nothing, and a
 * run that breaks off. No colours, and no movement of the cursor: it is read in logs. Plain assertions are counted; a
 * test that only holds others counts when it fails by itself.
 */
export class Report {
  readonly #write: (line: string) => void
  readonly #parser = new Parser()
  readonly #failures: string[] = []
  readonly #files: File[] = []
  #planned = 0
  #passed = 0
  #skipped = 0
  /** What the file that runs has printed besides its results. */
  #said = ''

  /** `write` prints a line. */
  constructor(write: (line: string) => void) {
    this.#write = write
    this.#parser.on('plan', ({ end }: { end: number }) => (this.#planned = end))
    this.#parser.on('bailout', (reason: string) => this.#failures.push(`Bail out! ${reason}`))
    this.#parser.on('extra', (text: string) => (this.#said += text))
    this.#follow(this.#parser, [])
  }

  /** A piece of the stream. */
  take(text: string): void {
    this.#parser.write(text)
  }

  /**
   * The end of the stream. `status` is tap's exit status; `errors` all that the tests wrote to standard error, which is
   * shown where something failed.
   */
  finish(status: number | null, errors: string): Sums {
    this.#parser.end()
    if (this.#files.length < this.#planned)
      this.#failures.push(`The run broke off after ${this.#files.length} of ${this.#planned} test files.`)
    if (status !== 0 && this.#failures.length === 0)
      this.#failures.push(`tap ended with status ${status ?? 'none'}, and did not say why.`)
    const slowest = this.#files.toSorted((one, other) => other.seconds - one.seconds).slice(0, SLOWEST)
    if (this.#files.length > SLOWEST)
      this.#write(
        ['', 'The slowest files:', ...slowest.map(({ name, seconds }) => `${inSeconds(seconds)}  ${name}`)].join('\n'),
      )
    if (this.#failures.length > 0) {
      if (errors.trim() !== '') this.#write(`\nOn standard error:\n\n${errors.trimEnd()}`)
      this.#write(`\n${this.#failures.join('\n\n')}`)
    }
    const sums = { passed: this.#passed, failed: this.#failures.length, skipped: this.#skipped }
    this.#write(`\n${sums.passed} passed, ${sums.failed} failed, ${sums.skipped} skipped`)
    return sums
  }

  /** Results of one test, `path` its titles; the first is its file. */
  #follow(parser: Parser, path: readonly string[]): void {
    let child: { readonly name: string; readonly failures: number; readonly passed: number } | undefined
    parser.on('child', (parser: Parser) => {
      child = { name: parser.name, failures: this.#failures.length, passed: this.#passed }
      if (path.length === 0) this.#said = ''
      this.#follow(parser, [...path, parser.name])
    })
    parser.on('assert', (result: Result) => {
      const own = child?.name === result.name ? child : undefined
      child = undefined
      this.#count(result, [...path, result.name], own && this.#failures.length > own.failures)
      if (path.length > 0 || !own) return
      const failed = this.#failures.length - own.failures
      if (failed > 0 && this.#said !== '')
        this.#failures.push(`${this.#failures.pop()}\n\n${result.name} also printed:\n${this.#said.trimEnd()}`)
      this.#tellFile(result, failed, this.#passed - own.passed)
    })
  }

  /** `hasFailedWithin` is for a test that holds others. */
  #count(result: Result, path: readonly string[], hasFailedWithin: boolean | undefined): void {
    const { ok, skip, todo } = result
    const hasAssertedNothing = path.length === 1 && skip === 'no tests found'
    if (hasAssertedNothing) this.#fail(path, { reason: 'it asserts nothing' })
    else if (todo !== false) this.#fail(path, { 'still to do': todo })
    else if (skip !== false) this.#skipped++
    else if (!ok && !hasFailedWithin) this.#fail(path, result.diag)
    else if (ok && hasFailedWithin === undefined) this.#passed++
  }

  #fail(path: readonly string[], details: unknown): void {
    const shown =
      typeof details === 'object' && details !== null
        ? Object.entries(details).filter(([key]) => !SURROUNDINGS.includes(key))
        : []
    this.#failures.push(
      [`FAILED ${path.join(' > ')}`, ...shown.map(([key, value]) => indent(describe(key, value)))].join('\n'),
    )
  }

  #tellFile({ name, time, skip }: Result, failed: number, passed: number): void {
    const seconds = (time ?? 0) / 1000
    this.#files.push({ name, seconds })
    const digits = String(this.#planned).length
    const state =
      failed > 0 ? `FAILED (${failed})` : passed > 0 ? 'ok' : `skipped${typeof skip === 'string' ? ` (${skip})` : ''}`
    this.#write(
      `${String(this.#files.length).padStart(digits)}/${this.#planned} ${inSeconds(seconds)}  ${name}${state === 'ok' ? '' : `  ${state}`}`,
    )
  }
}

function inSeconds(seconds: number): string {
  return `${seconds.toFixed(1).padStart(6)} s`
}

function describe(key: string, value: unknown): string {
  const text = typeof value === 'string' ? value.trimEnd() : inspect(value, { depth: 10, breakLength: 120 })
  return text.includes('\n') ? `${key}:\n${indent(text)}` : `${key}: ${text}`
}

function indent(text: string): string {
  return text.trimEnd().replace(/^(?=.)/gm, '    ')
}
