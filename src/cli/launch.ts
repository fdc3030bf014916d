/** Starts responders. Each is started by hooks/keep, which stays root and clears up after it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { environment } from '../firewall/program-path.js'
import { Failure, isFailureCode } from '../failure.js'
import { closeGivenDescriptors, requireDescriptors } from '../kernel/descriptors.js'
import { nodeFlags } from './node-flags.js'
import { formatOptions, type Options } from './options.js'
import { formatStanding, type StandingRequest } from './serve/standing-options.js'
import { untilStartHangs } from './start-hang.js'

/** What the responder reports on its file descriptor 3, in one line of JSON, once its start has succeeded or failed. */
export type StartReport =
  | { readonly state: 'listening' | 'taken' }
  | { readonly state: 'failed'; readonly code: string; readonly message: string }

/** The descriptor of the start report. */
export const REPORT_FD = 3

/**
 * Starts a responder that outlives the hook. It gets a session of its own and none of our streams, because certbot
 * waits until every copy of its pipes is closed. Resolves once it listens, or once it has found that another responder
 * holds the lock. A start that hangs is ended.
 * @throws Failure of the responder's start
 */
export async function launchInBackground(options: Options): Promise<void> {
  const responder = keep(options, 'background', { detached: true, stdio: ['ignore', 'ignore', 'ignore', 'pipe'] })
  const over = new AbortController()
  const report = await Promise.race([readReport(responder), untilStartHangs(responder.pid, over.signal)]).finally(() =>
    over.abort(),
  )
  responder.unref()
  if (report.state !== 'failed') return
  throw new Failure(isFailureCode(report.code) ? report.code : 'responder-not-started', report.message)
}

/**
 * Starts a responder that shares our streams, passes our signals on to it, and resolves with its exit status. Calls
 * `onListening` once it listens, if it ever does. With `standing` it also answers what is not armed.
 */
export function launchInForeground(
  options: Options,
  onListening: () => void = () => undefined,
  standing?: StandingRequest,
): Promise<number> {
  // The handlers are set before the keeper starts. Otherwise a signal right after its start would end us and leave it.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    // The signal goes to its process group. The keeper ignores it, and the responder ends.
    process.on(signal, () => keeper.pid !== undefined && process.kill(-keeper.pid, signal))
  }
  const streams = { detached: true, stdio: ['ignore', 'inherit', 'inherit', 'pipe'] } as const
  const keeper = keep(options, 'foreground', streams, formatStanding(standing))
  readReport(keeper).then(
    ({ state }) => {
      if (state === 'listening') onListening()
    },
    // The responder says by itself why it does not start.
    () => undefined,
  )
  return new Promise((resolve, reject) => {
    keeper.on('error', (error) =>
      reject(new Failure('responder-not-started', `cannot start the responder: ${error.message}`)),
    )
    keeper.on('exit', (status) => resolve(status ?? 1))
  })
}

/**
 * Returns the command that runs a program as a responder is run, by hooks/keep, with few rights. With an empty run
 * directory nothing is cleared up, and the program replaces the keeper.
 */
export function keeperCommand(
  runDir: string,
  node: Pick<NodeJS.Process, 'execPath' | 'version'>,
  program: string,
  ...words: readonly string[]
): [string, ...string[]] {
  return [
    fileURLToPath(new URL('../../hooks/keep', import.meta.url)),
    runDir,
    node.execPath,
    nodeFlags(node.version).join(' '),
    program,
    ...words,
  ]
}

function keep(
  options: Options,
  mode: 'background' | 'foreground',
  { detached, stdio }: { readonly detached: true; readonly stdio: readonly ('ignore' | 'inherit' | 'pipe')[] },
  standing: readonly string[] = [],
): ChildProcess {
  const program = fileURLToPath(new URL('responder.cjs', import.meta.url))
  const [keeper, ...words] = keeperCommand(
    options.runDir,
    process,
    program,
    mode,
    ...formatOptions(options),
    ...standing,
  )
  closeGivenDescriptors()
  requireDescriptors()
  // Nothing else of certbot's environment: under snap it is full of snap's own paths.
  const { PATH = '' } = environment()
  return spawn(keeper, words, { detached, stdio: [...stdio], cwd: '/', env: { PATH } })
}

async function readReport(responder: ChildProcess): Promise<StartReport> {
  const stream = responder.stdio[REPORT_FD] as NodeJS.ReadableStream & { destroy(): void }
  let text = ''
  await new Promise<void>((resolve, reject) => {
    responder.once('error', (error) =>
      reject(new Failure('responder-not-started', `cannot start the responder: ${error.message}`)),
    )
    stream.setEncoding('utf8').on('data', (piece: string) => {
      text += piece
      // The end of the stream does not come: the keeper holds a copy of the pipe.
      if (text.includes('\n')) resolve()
    })
    stream.on('end', resolve).on('error', () => resolve())
  })
  stream.destroy()
  try {
    const report = JSON.parse(text) as Partial<StartReport> | null
    if (report?.state === 'listening' || report?.state === 'taken' || report?.state === 'failed')
      return report as StartReport
  } catch {
    // The failure below says it.
  }
  throw new Failure('responder-not-started', 'the responder ended before it was ready')
}
