/** The process of a responder, from its start to its end. */
import { closeSync, writeSync } from 'node:fs'
import { Failure, toFailure } from '../../failure.js'
import { journalSink } from '../../responder/journal.js'
import { fileSink, lineSink, openLog, type Log, type Sink } from '../../responder/log.js'
import { runDirectory } from '../../responder/run-directory.js'
import { serve } from '../../responder/serve.js'
import { sweepLeftovers } from '../../responder/sweep.js'
import { findAccount } from '../../kernel/account.js'
import { dropPrivileges } from '../../kernel/privileges.js'
import { REPORT_FD, type StartReport } from '../launch.js'
import type { Options } from '../options.js'
import type { StandingRequest } from './standing-options.js'
import { version } from '../version.js'

/**
 * Runs a responder in the foreground. It logs to standard error and stays until it is stopped. It reports over a pipe
 * that it listens. With `standing` it also answers what is not armed.
 * @throws Failure
 */
export async function serveInForeground(options: Options, standing?: StandingRequest): Promise<void> {
  // A log that nobody reads any more, as after `serve 2>&1 | head`, is no reason to end. Nor is it one to log.
  process.stderr.on('error', () => undefined)
  const log = openOptionsLog(options, [lineSink(options.logFormat, (line) => void process.stderr.write(`${line}\n`))])
  if (await start(options, false, log, standing)) report({ state: 'listening' })
  else throw new Failure('responder-running', `a responder serves ${options.runDir} already`)
}

/**
 * Runs a responder in the background, for hooks. It has no stream to log to; it logs to the journal, if there is one.
 * It reports its start over a pipe, and ends with its last challenge.
 */
export async function serveInBackground(options: Options): Promise<void> {
  try {
    const journal = await journalSink(options.verbose)
    const isStarted = await start(options, true, openOptionsLog(options, journal ? [journal] : []))
    report({ state: isStarted ? 'listening' : 'taken' })
  } catch (thrown) {
    const { code, message } = toFailure(thrown)
    report({ state: 'failed', code, message })
    process.exit(1)
  }
}

/**
 * Removes what a responder has left that hung and was ended by hooks/keep, and says so in its log.
 * @throws Failure
 */
export async function sweepAfterHang(options: Options): Promise<void> {
  await sweepLeftovers(runDirectory(options.runDir), { kind: 'hung' })
  const journal = await journalSink(options.verbose)
  openOptionsLog(options, journal ? [journal] : [])(
    'error',
    'the responder hung: its keeper has ended it, with all that was armed',
    { event: 'hung' },
  )
}

/** The status for a clean end after which cleanup hooks have to be told what has expired: the keeper sweeps. */
const WITH_LOSSES = 4

/** Starts a responder. Returns false when the directory has one already. */
async function start(options: Options, isTransient: boolean, log: Log, standing?: StandingRequest): Promise<boolean> {
  process.umask(0o077)
  const named = options.user === undefined ? undefined : findAccount(options.user)
  // The handlers are set here, not only once everything is open. Meanwhile execa has handlers for as long as a program
  // of ours runs, and a signal that comes as that ends would have no handler.
  const ending = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => ending.abort())
  const responder = await serve(
    {
      ...options,
      directory: runDirectory(options.runDir),
      queue: options.queueNum,
      isStandalone: !options.noStandalone,
      isTransient,
      standing: standing && {
        stateless: { thumbprint: standing.thumbprint, names: standing.names },
        port: options.port,
        isListening: standing.isListening,
      },
      version,
    },
    log,
  )
  if (!responder) return false
  // Everything that takes root is open. From here on packets are parsed.
  const account = named?.uid === 0 ? named : await dropPrivileges(named, !options.noStandalone)
  log('info', `serving as user ${options.user ?? account.uid}`)
  // What goes wrong is in the log and in the exit status.
  const stop = (isFaulty = false) => void responder.stop(isFaulty).catch(() => undefined)
  let hasEnded = false
  process.on('uncaughtException', (error) => {
    log('error', `fault: ${error.stack ?? error.message}`)
    process.exitCode = 1
    // A fault in an exit handler must not keep the process.
    if (hasEnded) process.kill(process.pid, 'SIGKILL')
    stop(true)
  })
  // The queue keeps the event loop alive for ever, because the package cannot close it.
  void responder.ended.then((isClean) => {
    hasEnded = true
    process.exit(isClean ? (responder.hasLosses ? WITH_LOSSES : undefined) : 1)
  })
  if (ending.signal.aborted) stop()
  else ending.signal.addEventListener('abort', () => stop())
  await responder.begin()
  return true
}

function openOptionsLog({ verbose, logFile, logFormat }: Options, sinks: readonly Sink[]): Log {
  return openLog(verbose, sinks, logFile === undefined ? undefined : fileSink(logFile, logFormat))
}

function report(state: StartReport): void {
  try {
    writeSync(REPORT_FD, `${JSON.stringify(state)}\n`)
    closeSync(REPORT_FD)
  } catch {
    // The hook is gone and its challenge never comes. The responder ends when it has been idle for a while.
  }
}
