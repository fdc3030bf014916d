/** The responder's end of the control socket. */
import { createServer, type Server, type Socket } from 'node:net'
import { unlinkSync } from 'node:fs'
import {
  formatMessage,
  MAX_MESSAGE,
  parseRequest,
  refusal,
  type ControlRequest,
  type ControlResponse,
} from './message.js'
import { Failure, shortage, toFailure } from '../failure.js'

/** Milliseconds that a client may take to send its line. */
const LINE_TIME = 5_000

/** Milliseconds that it may take to read the answer and close its end. */
const CLOSE_TIME = 1_000

/** A server that listens. */
export interface ControlServer {
  /** Takes no more connections, and removes the socket. */
  close(): void
}

/** What the server calls. */
export interface ControlHandlers {
  readonly answer: (request: ControlRequest) => Promise<ControlResponse>
  readonly onRefusal: (reason: Failure) => void
  /** Returns whether the process at the other end of this descriptor may use the socket. */
  readonly isAllowed: (fd: number) => boolean
}

/**
 * Listens at `path` with mode 0600. The caller must hold the lock. Each connection sends one line and gets one.
 * `answer` may take its time. What is malformed gets a refusal and is reported to `onRefusal`.
 */
export function listen(path: string, handlers: ControlHandlers): Promise<ControlServer> {
  const server = createServer({ allowHalfOpen: true }, (socket) => serve(socket, handlers))
  removeSocket(path)
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const message = `cannot listen at ${path}: ${cause.message}`
      reject(shortage(message, cause) ?? new Failure('run-directory', message, { cause }))
    })
    // The directory is 0700 already; the mask makes the socket 0600 from its first instant.
    const mask = process.umask(0o177)
    server.listen(path, () => resolve({ close: () => close(server, path) }))
    process.umask(mask)
  })
}

function serve(socket: Socket, { answer, onRefusal, isAllowed }: ControlHandlers): void {
  let received = ''
  let isDone = false
  socket.setEncoding('utf8')
  socket.on('error', () => socket.destroy())
  const timer = setTimeout(
    () => void finish(() => Promise.reject(new Failure('control-malformed', 'no whole line within 5 s'))),
    LINE_TIME,
  )
  if (!isAllowed(descriptorOf(socket)))
    void finish(() => Promise.reject(new Failure('not-root', 'the responder takes orders from root only')))
  socket.on('data', (text: string) => {
    if (isDone) return
    received += text
    const end = received.indexOf('\n')
    if (end >= 0 && end < MAX_MESSAGE) void finish(async () => answer(parseRequest(received.slice(0, end))))
    else if (received.length > MAX_MESSAGE)
      void finish(() => Promise.reject(new Failure('control-malformed', 'a message is longer than 64 KiB')))
  })
  socket.on('end', () => {
    clearTimeout(timer)
    if (!isDone) socket.destroy()
  })

  async function finish(respond: () => Promise<ControlResponse>): Promise<void> {
    isDone = true
    clearTimeout(timer)
    let response: ControlResponse
    try {
      response = await respond()
    } catch (thrown) {
      response = refusal(thrown)
      onRefusal(toFailure(thrown))
    }
    // After `stopped` the process ends, which closes the connection. So the hook knows that nothing is left.
    if (response.ok && response.stopped) return void socket.write(formatMessage(response))
    socket.end(formatMessage(response))
    // A client that keeps its end open would keep our descriptor for ever.
    const closing = setTimeout(() => socket.destroy(), CLOSE_TIME)
    socket.on('close', () => clearTimeout(closing))
  }
}

/** Returns the descriptor of a socket, which Node does not offer publicly. */
function descriptorOf(socket: Socket): number {
  return (socket as { _handle?: { fd?: number } })._handle?.fd ?? -1
}

function close(server: Server, path: string): void {
  server.close()
  removeSocket(path)
}

/** Removes a socket that a killed responder left, because listen(2) would fail. */
function removeSocket(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    // Once root is given up, the directory is no longer ours. The keeper removes the socket then.
    if (!['ENOENT', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}
