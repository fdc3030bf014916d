import { execa } from 'execa'
import { withSystemPrograms } from './run.js'

/** A program that keeps running in a namespace until it is stopped or the lab is closed. */
export interface Service {
  readonly pid: number
  /** Returns everything it has written so far, both streams in the order of arrival. */
  output(): string
  /** Resolves with the first match in its output, past or to come. Rejects when the program ends without one. */
  waitForOutput(pattern: RegExp): Promise<RegExpExecArray>
  /** Settles when it has ended, however that was. */
  readonly exited: Promise<{ readonly exitCode: number | undefined; readonly signal: string | undefined }>
  /** Sends a signal, SIGTERM by default, and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<void>
  /** Writes to its standard input; needs `stdin: 'pipe'`. */
  write(text: string | Uint8Array): void
}

/** Surroundings of a service; standard input is empty unless asked for. */
export interface ServiceOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly stdin?: 'ignore' | 'pipe'
}

/** Starts a program that goes on running. One that cannot be started rejects `exited`'s sibling, `waitForOutput`. */
export function startService(argv: readonly string[], options: ServiceOptions = {}): Service {
  const [file = '', ...rest] = argv
  const child = execa(file, rest, {
    stdin: 'ignore',
    buffer: false,
    reject: false,
    ...options,
    env: withSystemPrograms(options.env),
  })
  let output = ''
  const watchers = new Set<() => void>()
  const tellWatchers = (): void => {
    for (const watcher of watchers) watcher()
  }
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
      tellWatchers()
    })
  }
  let ended = false
  const exited = child.then(({ exitCode, signal }) => {
    ended = true
    tellWatchers()
    return { exitCode, signal }
  })

  return {
    pid: child.pid ?? -1,
    output: () => output,
    exited,
    waitForOutput: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(output)
          if (match === null && !ended) return
          watchers.delete(look)
          if (match === null)
            reject(new Error(`${argv.join(' ')} ended without writing ${String(pattern)}:\n${output}`))
          else resolve(match)
        }
        watchers.add(look)
        look()
      }),
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      await exited
    },
    write(text) {
      child.stdin?.write(text)
    },
  }
}
