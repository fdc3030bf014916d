/** Measures request rates and latencies by wrk, and makes floods of a limited rate. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lab } from '../../src/lab/lab.js'

/** One run of wrk. */
export interface WrkResult {
  readonly requestsPerSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Connections refused, reset or silent, and answers that were not 2xx or 3xx. */
  readonly failures: number
}

/** How long, and whether every request has a connection of its own. */
export interface WrkOptions {
  /** Whole ones. */
  readonly seconds: number
  readonly isEachOnItsOwn: boolean
}

const connections = 32
/**
 * Of the flood. Each waits `floodConnections / rate` seconds before each of its requests, so that the rate is never
 * above.
 */
const floodConnections = 50

/** wrk prints rounded figures; these are exact, latencies in microseconds. */
const printResult = `
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('result %d %d %d %d %d\\n', summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
`

/** Runs wrk in the lab's validator namespace with one thread and 32 connections. */
export async function wrk(lab: Lab, url: string, { seconds, isEachOnItsOwn }: WrkOptions): Promise<WrkResult> {
  const script = join(lab.directory, 'result.lua')
  await writeFile(script, printResult)
  const { stdout } = await lab.validator.exec([
    'wrk',
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '-s',
    script,
    ...closing(isEachOnItsOwn),
    url,
  ])
  return readResult(stdout)
}

/** A flood that is running. */
export interface Flood {
  /** Ends it. Returns its requests per second. */
  stop(): Promise<number>
}

/**
 * Asks for challenges that do not exist, at most `rate` a second, on kept connections or each on one of its own.
 * `origin` is a URL without path.
 */
export async function startFalseTokens(
  lab: Lab,
  origin: string,
  rate: number,
  isEachOnItsOwn: boolean,
): Promise<Flood> {
  const script = join(lab.directory, 'flood.lua')
  await writeFile(
    script,
    `${printResult}${falseToken}
-- Standard output would be held back until wrk ends.
function init() io.stderr:write('begins\\n') end
function request() return falseToken() end
function delay() return ${Math.ceil((floodConnections * 1000) / rate)} end
`,
  )
  const flood = lab.validator.spawn([
    'wrk',
    '-t1',
    `-c${floodConnections}`,
    '-d3600s',
    '-s',
    script,
    ...closing(isEachOnItsOwn),
    origin,
  ])
  await flood.waitForOutput(/begins/)
  return {
    async stop() {
      // On SIGINT wrk writes its results.
      await flood.stop('SIGINT')
      return readResult(flood.output()).requestsPerSecond
    },
  }
}

/** Returns the requests a second on connections of which each has asked for a false token first. */
export async function askAfterFalseTokens(lab: Lab, url: string, seconds: number): Promise<number> {
  const script = join(lab.directory, 'after-false-tokens.lua')
  // wrk opens all its connections before it sends anything, so nearly all of these requests are the first on theirs.
  await writeFile(
    script,
    `${printResult}${falseToken}
local asked = 0
function request()
  asked = asked + 1
  return asked <= ${connections} and falseToken() or wrk.format('GET', '/')
end
`,
  )
  const argv = ['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, url]
  return readResult((await lab.validator.exec(argv)).stdout).requestsPerSecond
}

function closing(isEachOnItsOwn: boolean): string[] {
  return isEachOnItsOwn ? ['--header', 'Connection: close'] : []
}

/** A request for a challenge that does not exist. */
const falseToken = `
local letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
function falseToken()
  local token = {}
  for at = 1, 43 do
    local letter = math.random(64)
    token[at] = letters:sub(letter, letter)
  end
  return wrk.format('GET', '/.well-known/acme-challenge/' .. table.concat(token))
end
`

function readResult(output: string): WrkResult {
  const match = /^result (\d+) (\d+) (\d+) (\d+) (\d+)$/m.exec(output)
  if (match === null) throw new Error(`wrk gave no result:\n${output}`)
  const [requests = 0, microseconds = 0, p50 = 0, p99 = 0, failures = 0] = match.slice(1).map(Number)
  return { requestsPerSecond: (requests * 1e6) / microseconds, p50: p50 / 1000, p99: p99 / 1000, failures }
}
