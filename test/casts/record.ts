/** Runs a program on a terminal of its own, and notes what it writes and when. */
import { spawn } from 'node:child_process'
import { withSystemPrograms } from '../../src/lab/run.js'
import type { Chunk } from './screen.js'

/** The terminal's size in characters. The picture has as many columns. */
export const COLUMNS = 104
const ROWS = 40

/** A program that runs on a terminal of its own. */
export interface Recording {
  /** What it has written so far. */
  readonly chunks: readonly Chunk[]
  /** Resolves when it has written something that matches. Rejects when it ends before. */
  waitFor(pattern: RegExp): Promise<void>
  /** Types Ctrl-C, which the terminal turns into SIGINT. */
  interrupt(): void
  /** Resolves with its exit status. */
  readonly ended: Promise<number | null>
}

/** Starts a line of shell by `script` (util-linux), in the network namespace `namespace` if one is given. */
export function record(line: string, namespace?: string): Recording {
  const chunks: Chunk[] = []
  const start = performance.now()
  const enter = namespace === undefined ? [] : ['nsenter', `--net=/run/netns/${namespace}`]
  const shell = `stty cols ${COLUMNS} rows ${ROWS}; ${line}`
  const [file, ...argv] = [...enter, 'script', '--quiet', '--return', '--command', shell, '/dev/null']
  const { NO_COLOR: _none, ...environment } = withSystemPrograms({ TERM: 'xterm', TZ: 'UTC' })
  const child = spawn(file, argv, { stdio: ['pipe', 'pipe', 'inherit'], env: environment })
  const watchers = new Set<() => void>()
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    chunks.push({ at: performance.now() - start, text })
    for (const watcher of watchers) watcher()
  })
  const ended = new Promise<number | null>((resolve, reject) => child.once('close', resolve).once('error', reject))
  return {
    chunks,
    waitFor: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!pattern.test(chunks.map(({ text }) => text).join(''))) return
          watchers.delete(look)
          resolve()
        }
        watchers.add(look)
        void ended.then(() => reject(new Error(`${line} ended without writing ${String(pattern)}`)), reject)
        look()
      }),
    interrupt: () => void child.stdin.write('\u0003'),
    ended,
  }
}
