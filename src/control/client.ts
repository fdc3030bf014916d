/** The hooks' end of the control socket. */
import { createConnection } from 'node:net'
import { Failure, isFailure } from '../failure.js'
import { formatMessage, MAX_MESSAGE, parseResponse, type ControlRequest } from './message.js'

/**
 * Milliseconds that a response may take. Rules may wait for the lock of other firewall programs, and everything for a
 * busy processor.
 */
const RESPONSE_TIME = 60_000

/**
 * Sends one request and waits for its response. After `stopped` it also waits until the responder has closed the
 * connection, which it does by ending.
 *
 * Returns `absent` when nobody listens at `path`, and `stopping` when the responder is about to end. A request that
 * `signal` aborts is lost.
 * @throws Failure `responder-lost`, and what the responder refuses with
 */
export function request(
  path: string,
  message: ControlRequest,
  signal?: AbortSignal,
  responseTime = RESPONSE_TIME,
): Promise<ReturnType<typeof parseResponse> | 'absent'> {
  // A status has up to 1,000 challenges.
  const longest = message.op === 'status' ? MAX_MESSAGE * 128 : MAX_MESSAGE
  return new Promise((resolve, reject) => {
    let received = ''
    const socket = createConnection(path)
    socket.setEncoding('utf8')
    socket.setTimeout(responseTime, () =>
      socket.destroy(new Failure('responder-lost', 'the responder does not answer on its control socket')),
    )
    const abort = () => socket.destroy(new Failure('responder-lost', 'the responder is not waited for any more'))
    signal?.addEventListener('abort', abort)
    socket.on('close', () => signal?.removeEventListener('abort', abort))
    socket.on('connect', () => socket.write(formatMessage(message)))
    socket.on('data', (text: string) => {
      received += text
      if (received.length > longest) socket.destroy(new Failure('responder-lost', 'the responder answers without end'))
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve('absent')
      else if (error.code === 'ENOTDIR')
        reject(new Failure('run-directory', `${path}: the run directory is not a directory`))
      else if (error.code === 'EACCES') reject(new Failure('not-root', `no right to the control socket ${path}`))
      else if (error.code === 'ECONNRESET' || error.code === 'EPIPE') settle()
      else
        reject(
          isFailure(error)
            ? error
            : new Failure('responder-lost', `control socket ${path}: ${error.message}`, { cause: error }),
        )
    })
    socket.on('end', settle)

    function settle() {
      if (!received.includes('\n'))
        return reject(new Failure('responder-lost', 'the responder ended without an answer'))
      // Within `then`, what is thrown is a rejection.
      const line = Promise.resolve(received.slice(0, received.indexOf('\n')))
      resolve(line.then((text) => parseResponse(text, message.op)))
    }
  })
}
