/** A DNS server with a few records on loopback (RFC 1035, 4), just enough to try a resolver on. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Test } from 'tap'

/** Addresses by `A name` or `AAAA name`; a name with neither does not exist. `silent` ones get no answer. */
export interface Zone {
  readonly records: Readonly<Record<string, readonly string[]>>
  readonly silent?: readonly string[]
  readonly broken?: readonly string[]
}

const TYPES: Readonly<Record<number, string>> = { 1: 'A', 28: 'AAAA' }

/** Starts the server. Returns `127.0.0.1:PORT`. It ends with the test. */
export async function startDnsServer(t: Test, { records, silent = [], broken = [] }: Zone): Promise<string> {
  const socket = createSocket('udp4')
  t.teardown(() => socket.close())
  socket.on('message', (query, { port, address }) => {
    const { name, type, end } = readQuestion(query)
    if (silent.includes(name)) return
    const exists = Object.keys(records).some((key) => key.endsWith(` ${name}`))
    const answers = (records[`${type} ${name}`] ?? []).map((text) => answer(query.readUInt16BE(end - 4), text))
    const header = Buffer.from(query.subarray(0, 12))
    header.writeUInt16BE(0x8180 | (broken.includes(name) ? 2 : exists ? 0 : 3), 2)
    header.writeUInt16BE(answers.length, 6)
    header.writeUInt32BE(0, 8)
    socket.send(Buffer.concat([header, query.subarray(12, end), ...answers]), port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return `127.0.0.1:${socket.address().port}`
}

function readQuestion(query: Buffer): { name: string; type: string; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: TYPES[query.readUInt16BE(at + 1)] ?? '', end: at + 5 }
}

/** Name (a pointer to the question), type, class IN, time to live, length, address. */
function answer(type: number, text: string): Buffer {
  const bytes = type === 1 ? Buffer.from(text.split('.').map(Number)) : Buffer.from(text.replaceAll(':', ''), 'hex')
  const head = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, bytes.length])
  return Buffer.concat([head, bytes])
}
