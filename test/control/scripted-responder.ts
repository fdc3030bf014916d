import { createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/** Stands for a responder: answers what a script says, and remembers what it was asked. */
export interface ScriptedResponder {
  /** The line of each connection, in order. */
  readonly lines: readonly string[]
  /** Stops listening; open connections stay. */
  close(): Promise<void>
}

/**
 * Listens at `path` until the test ends. Each connection's first line goes to `answer`, with its place (from 0) and the
 * socket: text that `answer` returns is sent, and the connection closed; without any, `answer` deals with the socket
 * itself.
 */
export async function scriptedResponder(
  t: Test,
  path: string,
  answer: (line: string, socket: Socket, place: number) => string | undefined,
): Promise<ScriptedResponder> {
  const lines: string[] = []
  const server = createServer((socket) => {
    let received = ''
    socket.setEncoding('utf8').on('error', () => socket.destroy())
    socket.on('data', (text: string) => {
      const hadLine = received.includes('\n')
      received += text
      if (hadLine || !received.includes('\n')) return
      const line = received.slice(0, received.indexOf('\n'))
      const response = answer(line, socket, lines.push(line) - 1)
      if (response !== undefined) socket.end(response)
    })
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  const close = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()))
  t.teardown(() => server.close())
  return { lines, close }
}
