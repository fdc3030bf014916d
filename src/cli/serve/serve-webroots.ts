/** `certbot-nfq serve --webroot DIRECTORY`: arms what other ACME clients write into directories. */
import { resolve } from 'node:path'
import { keepInStep } from '../../client/webroot/in-step.js'
import { Webroot } from '../../client/webroot/webroot.js'
import { request } from '../../control/client.js'
import { MAX_TTL } from '../../control/message.js'
import { MAX_WEBROOTS } from '../../control/webroot-status.js'
import { Failure, toFailure } from '../../failure.js'
import { every, systemClock } from '../../responder/clock.js'
import { runDirectory } from '../../responder/run-directory.js'
import { launchInForeground } from '../launch.js'
import type { Options } from '../options.js'
import { warn } from '../report.js'
import { checkStanding } from './standing-check.js'
import type { StandingRequest } from './standing-options.js'
import { readStoreRequest } from '../fleet/store-request.js'
import { serveStore } from './serve-store.js'

/** The most files that are armed at a time, half of what a responder arms. The rest is left to the hooks. */
const MOST_FILES = 500

/** Milliseconds between two reports to the responder, and between two warnings. */
const REPORT_EVERY = 1_000
const WARN_EVERY = 60_000

/** Seconds that the responder gets beyond the time to live, for which the watcher answers itself. */
const GRACE = 60

/**
 * Runs a responder in the foreground, and watches webroots and a store for it if any are given. With `standing` it also
 * answers what is not armed. Sets the exit status.
 * @throws Failure
 */
export async function serveCommand(
  options: Options,
  given: readonly string[] | undefined,
  standing?: StandingRequest,
): Promise<void> {
  const directories = readWebroots(given, process.env)
  // What is wrong with the options is said before anything is started.
  if (options.store !== undefined) readStoreRequest(options)
  const stops: (() => void | Promise<void>)[] = []
  try {
    const onListening = () => {
      stops.push(serveWebroots(directories, options), serveStore(options))
      if (standing && !options.noSelfCheck) void checkStanding(standing, options)
    }
    process.exitCode = await launchInForeground(options, onListening, standing)
  } finally {
    for (const stop of stops) await stop()
  }
}

/**
 * Returns the directories of `--webroot`, or else those of `CERTBOT_NFQ_WEBROOT`, which are separated by colons. They
 * are absolute, and each is there once.
 * @throws Failure `bad-option`
 */
export function readWebroots(
  given: readonly string[] | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const variable = environment['CERTBOT_NFQ_WEBROOT'] ?? ''
  const paths = given ?? variable.split(':').filter((path) => path !== '')
  if (paths.some((path) => path === '' || path.includes('\0')))
    throw new Failure('bad-option', '--webroot must not be empty')
  const directories = [...new Set(paths.map((path) => resolve(path)))]
  if (directories.length > MAX_WEBROOTS)
    throw new Failure('bad-option', `--webroot can be given ${MAX_WEBROOTS} times at most`)
  return directories
}

/**
 * Arms the challenges in these directories by the responder that listens in `--run-dir`, for as long as their files are
 * there. Returns a function that ends this; what is armed then is left to the responder.
 */
export function serveWebroots(directories: readonly string[], { runDir, port, ttl }: Options): () => void {
  if (directories.length === 0) return () => undefined
  const { socket } = runDirectory(runDir)
  let isOver = false
  let warned = -Infinity
  const onFailure = (thrown: unknown) => {
    if (isOver || performance.now() - warned < WARN_EVERY) return
    warned = performance.now()
    warn(toFailure(thrown))
  }
  const clock = systemClock
  const keep = keepInStep({ socket, port, ttl: Math.min(ttl + GRACE, MAX_TTL), clock, onFailure })
  const most = Math.floor(MOST_FILES / directories.length)
  const webroots = directories.map((directory) => new Webroot({ directory, ttl, most, clock, keep }))
  let reported = ''
  const report = () => {
    const statuses = webroots.map(({ status }) => status)
    const next = JSON.stringify(statuses)
    if (next === reported) return
    reported = next
    request(socket, { op: 'webroots', webroots: statuses }).catch((thrown: unknown) => {
      reported = ''
      onFailure(thrown)
    })
  }
  report()
  const stopReporting = every(clock, REPORT_EVERY, report)
  return () => {
    isOver = true
    stopReporting()
    for (const webroot of webroots) webroot.close()
  }
}
