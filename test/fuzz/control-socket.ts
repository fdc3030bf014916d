/**
 * The target "control socket": a live server, and clients that send anything in any pieces. Each client gets an answer
 * or the end of its connection, and the next one is served.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request } from '../../src/control/client.js'
import { MAX_MESSAGE, type ControlResponse } from '../../src/control/message.js'
import { listen } from '../../src/control/server.js'
import { strangeMessage } from './control-messages.js'
import type { Random } from './random.js'

/** How many connections there were, and how they went. */
export interface SocketCounts {
  readonly connections: number
  readonly answered: number
  readonly refused: number
}

/** Clients at once. */
const CROWD = 20

/** Milliseconds that a client waits for its answer or its end: twice the time that it has to send its line. */
const PATIENCE = 10_000

/**
 * Has so many connections, a crowd at a time. @throws Error when one is left without an answer, or the next is not
 * served
 */
export async function fuzzSocket(random: Random, connections: number): Promise<SocketCounts> {
  const directory = mkdtempSync(join(tmpdir(), 'certbot-nfq-fuzz-'))
  const path = join(directory, 'control')
  const counts = { connections: 0, answered: 0, refused: 0 }
  const answer = async (): Promise<ControlResponse> => ({ ok: true })
  const server = await listen(path, { answer, onRefusal: () => counts.refused++, isAllowed: () => true })
  try {
    while (counts.connections < connections) {
      const sayings = Array.from({ length: CROWD }, () => sayingOf(random))
      const heard = await Promise.all(sayings.map((saying) => converse(path, saying)))
      counts.connections += CROWD
      counts.answered += heard.filter((text, at) => isAnswered(text, sayings[at] as Saying)).length
      const next = await request(path, { op: 'disarm', token: 'x' })
      if (typeof next !== 'object') throw new Error(`the next client is not served: ${JSON.stringify(next)}`)
    }
    return counts
  } finally {
    server.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

interface Saying {
  readonly pieces: readonly Uint8Array[]
  /** How it ends: by waiting for the other side, by saying goodbye first, or by being gone. */
  readonly end: 'wait' | 'goodbye' | 'gone'
}

function sayingOf(random: Random): Saying {
  const text = random.oneIn(30)
    ? 'x'.repeat(MAX_MESSAGE + random.below(1000))
    : Array.from({ length: 1 + random.below(2) }, () => strangeMessage(random)).join('\n')
  const isWhole = !random.oneIn(4)
  let bytes = Buffer.from(isWhole ? `${text}\n` : text, random.oneIn(5) ? 'latin1' : 'utf8')
  if (random.oneIn(10)) bytes = Buffer.concat([random.bytes(random.below(300)), bytes])
  const pieces: Uint8Array[] = []
  for (let at = 0; at < bytes.length;) {
    const length = 1 + random.below(random.oneIn(3) ? 20 : bytes.length)
    pieces.push(bytes.subarray(at, at + length))
    at += length
  }
  // Whoever says no whole line would wait 5 s for that to be noticed; the kernel tests do.
  const willBeAnswered = bytes.includes(0x0a) || bytes.length > MAX_MESSAGE
  return {
    pieces,
    end: willBeAnswered ? random.pick(['wait', 'wait', 'goodbye', 'gone']) : random.pick(['goodbye', 'gone']),
  }
}

/** What comes back until the connection is closed. */
function converse(path: string, { pieces, end }: Saying): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = ''
    const socket = createConnection({ path, allowHalfOpen: end === 'wait' }).setEncoding('latin1')
    const timer = setTimeout(
      () =>
        reject(
          new Error(
            `neither answer nor end within ${PATIENCE} ms for ${JSON.stringify(Buffer.concat(pieces).toString('latin1').slice(0, 500))}`,
          ),
        ),
      PATIENCE,
    )
    socket.on('data', (text: string) => (heard += text))
    // The server may have closed while we were still talking.
    socket.on('error', () => socket.destroy())
    socket.on('end', () => socket.destroy())
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(heard)
    })
    for (const piece of pieces) socket.write(piece)
    if (end === 'goodbye') socket.end()
    if (end === 'gone') socket.once('connect', () => setImmediate(() => socket.destroy()))
  })
}

/** Whether a response came; of who waits for one that has to be so. @throws Error when it is none */
function isAnswered(heard: string, { end }: Saying): boolean {
  if (heard === '') {
    if (end === 'wait') throw new Error('closed without an answer')
    return false
  }
  const response = JSON.parse(Buffer.from(heard, 'latin1').toString()) as { ok?: unknown; version?: unknown }
  if (typeof response.ok !== 'boolean' || heard.indexOf('\n') !== heard.length - 1)
    throw new Error(`no response: ${heard}`)
  return true
}
