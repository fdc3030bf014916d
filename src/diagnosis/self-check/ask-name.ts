/** One query for a challenge of dns-01, by UDP or TCP, as a resolver would make it. */
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { checkedName } from '../../control/self-check-order.js'
import { TYPES } from '../../wire/dns/dns.js'
import { formatQuestion, readResponse } from '../../wire/dns/dns-response.js'
import { answerTo, bracketed, isRefusal, openConnection, type Asking, type Question } from './asking.js'

/** Starts a query. */
export function askName(question: Question): Asking {
  const id = randomInt(0x10000)
  const name = checkedName(question.token)
  const message = formatQuestion({ id, name, type: TYPES.TXT, isRecursionDesired: false })
  const isAnswer = (bytes: Uint8Array) =>
    readResponse(bytes)?.id === id && Buffer.from(bytes).includes(question.keyAuthorization, 0, 'latin1')
  return question.transport === 'udp' ? byUdp(question, message, isAnswer) : byTcp(question, message, isAnswer)
}

type IsAnswer = (bytes: Uint8Array) => boolean

/** There is no connection to be accepted. So a query is `not accepted` until something comes. */
function byUdp({ address, port }: Question, message: Uint8Array, isAnswer: IsAnswer): Asking {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  let isClosed = false
  const close = () => {
    if (!isClosed) socket.close()
    isClosed = true
  }
  const { asking, note, conclude } = answerTo(close)
  socket.on('message', (bytes) => conclude(isAnswer(bytes) ? 'answered' : 'other answer'))
  socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => {
    if (isRefusal(code)) conclude('refused')
  })
  // Connected, so that it is told of a refusal, and gets datagrams of this address alone.
  socket.connect(port, address, () => {
    if (isClosed) return
    const local = socket.address()
    note('not accepted', `${bracketed(local.address)}:${local.port}`)
    socket.send(message)
  })
  return asking
}

function byTcp(question: Question, message: Uint8Array, isAnswer: IsAnswer): Asking {
  const { socket, asking, conclude } = openConnection(question)
  let received = Buffer.alloc(0)
  socket.on('connect', () => {
    socket.write(Buffer.concat([Uint8Array.of(message.length >> 8, message.length & 0xff), message]))
  })
  socket.on('data', (bytes) => {
    received = Buffer.concat([received, bytes])
    if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return
    conclude(isAnswer(received.subarray(2)) ? 'answered' : 'other answer')
  })
  socket.on('end', () => conclude('other answer'))
  return asking
}
