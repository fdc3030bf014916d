/**
 * `certbot-nfq serve --store URL`: arms what is in the store of a fleet. A process of its own looks at the store, with
 * no rights at all: it reads what comes over a network. This one, which is root, passes its requests on to the
 * responder, if they are of the few kinds that it may make.
 */
import { fieldsOf } from '../../challenge/challenge.js'
import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { request } from '../../control/client.js'
import { MAX_MESSAGE, parseRequest, type ControlRequest } from '../../control/message.js'
import { Failure, toFailure } from '../../failure.js'
import { environment } from '../../firewall/program-path.js'
import { runDirectory } from '../../responder/run-directory.js'
import { keeperCommand } from '../launch.js'
import { formatOptions, type Options } from '../options.js'
import { warn } from '../report.js'

/** Milliseconds until a process that has ended is started again. */
const RESTART_AFTER = 5_000

/** Milliseconds that it may take to tell the fleet that this node ends. */
const LEAVE_TIME = 2_000

/** What the process says of a request: the line that it would send to the responder itself. */
export interface StoreRequestLine {
  readonly id: number
  readonly line: string
}

/** What it gets back. */
export interface StoreReplyLine {
  readonly id: number
  readonly reply?: Awaited<ReturnType<typeof request>>
  readonly failure?: { readonly code: string; readonly message: string }
}

/** Begins to look at the store, if there is one. Returns a function that ends this. */
export function serveStore(options: Options): () => Promise<void> {
  if (options.store === undefined) return () => Promise.resolve()
  const { socket } = runDirectory(options.runDir)
  let isOver = false
  let restart: NodeJS.Timeout | undefined
  let child = begin()

  return async () => {
    isOver = true
    clearTimeout(restart)
    await end(child)
  }

  function begin(): ChildProcess {
    const process = start(options)
    relay(process, socket)
    process.on('error', (error) => warn(new Failure('internal', `cannot look at the store: ${error.message}`)))
    process.on('exit', () => {
      if (isOver) return
      restart = setTimeout(() => (child = begin()), RESTART_AFTER)
    })
    return process
  }
}

function start(options: Options): ChildProcess {
  const program = fileURLToPath(new URL('../store-main.js', import.meta.url))
  const [file, ...words] = keeperCommand('', process, program, ...formatOptions(options))
  const { PATH = '' } = environment()
  // A URL with a password is not among the arguments.
  const env = { PATH, ...(options.store !== undefined && { CERTBOT_NFQ_STORE: options.store }) }
  return spawn(file, words, { cwd: '/', env, stdio: ['pipe', 'pipe', 'inherit'] })
}

/** Passes its requests on, a line each, and the replies back. */
function relay({ stdin, stdout }: ChildProcess, socket: string): void {
  let received = ''
  stdin?.on('error', () => undefined)
  stdout?.setEncoding('utf8').on('data', (text: string) => {
    received += text
    const lines = received.split('\n')
    received = lines.pop() ?? ''
    if (received.length > MAX_MESSAGE * 2) received = ''
    for (const line of lines) void passOn(line, socket).then((reply) => stdin?.write(`${JSON.stringify(reply)}\n`))
  })
}

async function passOn(line: string, socket: string): Promise<StoreReplyLine> {
  const { id, line: message } = readLine(line)
  try {
    const wanted = allowed(parseRequest(message))
    return { id, reply: await request(socket, wanted) }
  } catch (thrown) {
    const { code, message: cause } = toFailure(thrown)
    return { id, failure: { code, message: cause } }
  }
}

function readLine(line: string): StoreRequestLine {
  try {
    const { id, line: message } = JSON.parse(line) as Partial<StoreRequestLine>
    if (typeof id === 'number' && typeof message === 'string') return { id, line: message }
  } catch {
    // The answer says that it is malformed.
  }
  return { id: -1, line: '' }
}

/** The process that looks at the store arms, disarms and reports, and does nothing else. @throws Failure */
function allowed(wanted: ControlRequest): ControlRequest {
  if (wanted.op === 'disarm' || wanted.op === 'store') return wanted
  if (wanted.op !== 'arm') throw new Failure('control-malformed', `the store cannot ask for ${wanted.op}`)
  const { op, port, ttl } = wanted
  return { op, ...fieldsOf(wanted), port, ttl }
}

/** It ends when its standard input does. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.stdin?.end()
  const timer = setTimeout(() => child.kill('SIGKILL'), LEAVE_TIME)
  await ended
  clearTimeout(timer)
}
