/** Starts a responder that outlives the hook. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Failure, isFailureCode } from '../failure.js'
import { formatOptions, type Options } from './options.js'

/** What the responder says over its file descriptor 3 once its start has succeeded or failed; then it closes that. */
export type StartReport = { readonly state: 'listening' | 'taken' } | { readonly state: 'failed'; readonly code: string; readonly message: string }

/** The descriptor of the start report. */
export const REPORT_FD = 3

/**
 * Starts it in a session of its own, with none of our streams: certbot waits until every copy of its pipes is closed.
 * Resolves once it listens, or once it has found that another responder holds the lock.
 * @throws Failure that the responder's start met
 */
export async function launch(options: Options): Promise<void> {
  const entry = fileURLToPath(new URL('responder.cjs', import.meta.url))
  const responder = spawn(process.execPath, [entry, ...formatOptions(options)], {
    detached: true,
    cwd: '/',
    // Nothing of certbot's environment: under snap it is full of snap's own paths.
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })
  const report = await readReport(responder.stdio[REPORT_FD] as NodeJS.ReadableStream, (fail) => responder.once('error', fail))
  responder.unref()
  if (report.state !== 'failed') return
  throw new Failure(isFailureCode(report.code) ? report.code : 'responder-not-started', report.message)
}

async function readReport(stream: NodeJS.ReadableStream, onError: (fail: (error: Error) => void) => void): Promise<StartReport> {
  let text = ''
  await new Promise<void>((resolve, reject) => {
    onError((error) => reject(new Failure('responder-not-started', `cannot start the responder: ${error.message}`)))
    stream.setEncoding('utf8').on('data', (piece: string) => (text += piece))
    stream.on('end', resolve).on('error', () => resolve())
  })
  try {
    return JSON.parse(text) as StartReport
  } catch {
    throw new Failure('responder-not-started', 'the responder ended before it was ready')
  }
}
