/** The target "DNS message": by UDP and by TCP, whatever is said, the answer is that of the model. */
import { dns01Datagrams } from '../../src/challenge/dns-01/datagrams.js'
import { dns01Service } from '../../src/challenge/dns-01/service.js'
import type { Conversation } from '../../src/intercept/service.js'
import { fromText, toText } from '../fixtures/hex.js'
import { expected, type Armed, type Expected } from './dns-model.js'
import { cut } from './requests.js'
import type { Random } from './random.js'

/** What became of the messages. */
export interface DnsCounts {
  messages: number
  answered: number
  truncated: number
  strays: number
  forServer: number
  conversations: number
}

const value = (digit: number) => String(digit).repeat(43)
const ARMED: Armed = new Map([
  ['_acme-challenge.example.com', [value(1), value(2)]],
  ['_acme-challenge.a.de', [value(3)]],
  ['_acme-challenge.many.example', Array.from({ length: 30 }, (_, at) => value(at % 10))],
  [long(41), [value(4)]],
])
/** Names that are a byte too long, and a label that is, among them. */
const NAMES = [
  ...ARMED.keys(),
  long(42),
  `_acme-challenge.${'x'.repeat(64)}`,
  '_acme-challenge.example.net',
  '_acme-challenge',
  'example.com',
  '',
  '_ACME-challenge.b',
]
const TYPES = [16, 16, 16, 16, 1, 2, 5, 6, 28, 41, 43, 46, 48, 127, 128, 251, 252, 254, 255, 256, 257, 65_535]

const names = { valuesOf: (name: string) => ARMED.get(name) ?? [] }
const datagrams = dns01Datagrams(names)
const service = dns01Service(names)

/** Tries so many messages. @throws Error with the first one whose answer is not the model's */
export function fuzzDns(random: Random, messages: number): DnsCounts {
  const counts: DnsCounts = { messages: 0, answered: 0, truncated: 0, strays: 0, forServer: 0, conversations: 0 }
  while (counts.messages < messages) {
    const message = spoiled(query(random), random)
    const wanted = expected(message, ARMED)
    checkDatagram(message, wanted)
    note(counts, wanted)
    if (!random.oneIn(4)) continue
    const others = Array.from({ length: random.below(3) }, () => spoiled(query(random), random))
    checkStream([message, ...others], random)
    counts.conversations++
  }
  return counts
}

function note(counts: DnsCounts, wanted: Expected): void {
  counts.messages++
  if (wanted === 'server') counts.forServer++
  else if ('stray' in wanted) counts.strays++
  else if (wanted.udp === wanted.tcp) counts.answered++
  else counts.truncated++
}

function checkDatagram(message: string, wanted: Expected): void {
  const recognised = datagrams.recognise(fromText(message))
  const { reply, onward } = recognised?.exchange ?? {}
  const came = !recognised ? 'server' : reply && onward ? { udp: toText(reply) } : { stray: recognised.key }
  const should = typeof wanted === 'object' && 'udp' in wanted ? { udp: wanted.udp } : wanted
  if (JSON.stringify(came) !== JSON.stringify(should)) fail('by UDP', message, came, should)
  if (!onward) return
  // The server gets the same message with QR.
  const response = `${message.slice(0, 2)}${String.fromCharCode(message.charCodeAt(2) | 0x80)}${message.slice(3)}`
  if (toText(onward) !== response) fail('to the server', message, toText(onward), response)
  if (datagrams.recognise(onward)) fail('a response is answered', message, 'answered', 'server')
}

/**
 * Messages on one connection, in pieces: those that are ours are answered, up to one that is too long, if the first one
 * is. It ends with that one, or two ticks after one that is not ours.
 */
function checkStream(messages: readonly string[], random: Random): void {
  const stream = messages.map((message) => `${word(message.length)}${message}`).join('')
  const all = messages.map((message) => (message.length > 511 ? 'server' : expected(message, ARMED)))
  const isOurs = (wanted: Expected) => typeof wanted === 'object' && 'tcp' in wanted
  const [first = 'server'] = all
  const tooLong = messages.findIndex((message) => message.length > 511)
  const should = all
    .slice(0, tooLong < 0 ? all.length : tooLong)
    .map((wanted) => (typeof wanted === 'object' && 'tcp' in wanted ? word(wanted.tcp.length) + wanted.tcp : ''))
  let sent = ''
  let isEnded = false
  let conversation: Conversation | undefined
  let start = ''
  for (const piece of cut(stream, random)) {
    if (conversation) {
      conversation.receive(fromText(piece))
      continue
    }
    start += piece
    const recognised = service.recognise(fromText(start))
    if (recognised === 'partial') continue
    if (recognised === 'other') break
    if (!recognised.open) {
      if (typeof first !== 'object' || !('stray' in first) || first.stray !== recognised.key)
        fail('by TCP', stream, recognised.key, first)
      return
    }
    const send = (bytes: Uint8Array) => void (sent += toText(bytes))
    conversation = recognised.open({ send, end: () => (isEnded = true) })
    conversation.receive(fromText(start))
  }
  if (conversation ? sent !== should.join('') : isOurs(first)) fail('by TCP', stream, sent, should.join(''))
  if (!conversation) return
  if (isEnded !== tooLong >= 0) fail('the end by TCP', stream, isEnded, tooLong >= 0)
  for (const _ of [1, 2]) conversation.tick?.()
  if (isEnded === all.every(isOurs)) fail('the end by TCP, later', stream, isEnded, !isEnded)
}

/** A query that may be in order. */
function query(random: Random): string {
  const labels = random.pick(NAMES).split('.').filter(Boolean)
  const mixed = labels.map((label) => String.fromCharCode(label.length) + mixCase(label, random)).join('')
  const flags = String.fromCharCode(random.below(2), random.pick([0, 0, 0x10, 0x20, 0x30]))
  const type = word(random.oneIn(20) ? random.below(65_536) : random.pick(TYPES))
  const isEdns = !random.oneIn(3)
  const question = `${mixed}\0${type}${random.oneIn(30) ? word(random.below(300)) : '\0\x01'}`
  return `${word(random.below(65_536))}${flags}\0\x01\0\0\0\0\0${isEdns ? '\x01' : '\0'}${question}${isEdns ? edns(random) : ''}`
}

function edns(random: Random): string {
  const options = Array.from({ length: random.pick([0, 0, 1, 2]) }, () => {
    const [code, length] = random.oneIn(2)
      ? [10, random.pick([8, 8, 16, 24, 40, 7, 9, 15, 41, 0])]
      : [random.pick([3, 8, 11, 12]), random.below(20)]
    return word(code) + word(length) + toText(random.bytes(length))
  }).join('')
  const size = random.pick([0, 512, 513, 1_231, 1_232, 1_233, 1_400, 4_096, 65_535])
  const version = random.oneIn(15) ? '\x01' : '\0'
  return `\0\0\x29${word(size)}\0${version}${word(random.pick([0, 0x8000, 0x8001, 0x4000]))}${word(options.length)}${options}`
}

/** The message, or one with something wrong in it: RFC 9267 has what goes wrong in practice. */
function spoiled(message: string, random: Random): string {
  if (random.oneIn(2)) return message
  const at = random.below(message.length)
  const put = (text: string, place = at) => message.slice(0, place) + text + message.slice(place + text.length)
  return random.pick<() => string>([
    () => put(toText(random.bytes(1))),
    () => put(toText(random.bytes(1)), random.below(12)),
    () => put(toText(random.bytes(1 + random.below(20)))),
    () => put(word(0xc000 | random.below(64))),
    () => put(`\xc0${String.fromCharCode(at & 255)}`),
    () => put(String.fromCharCode(random.pick([0, 1, 62, 63, 64, 65, 127, 128, 191, 192, 255])), 12 + random.below(24)),
    () => put(word(random.below(4)), random.pick([4, 6, 8, 10])),
    () => message.slice(0, at),
    () => message + toText(random.bytes(1 + random.below(30))),
    () => message.slice(0, at) + message.slice(at + 1 + random.below(4)),
    () => message.slice(0, at) + toText(random.bytes(1 + random.below(4))) + message.slice(at),
    () => message.slice(0, 12) + message.slice(12).repeat(2),
    () => message.slice(0, 12) + '\x3f'.repeat(random.below(600)) + message.slice(12),
    () => toText(random.bytes(random.below(80))),
  ])()
}

/** A name of 214 bytes and so many more, lengths included (RFC 1035, 2.3.4: at most 255). */
function long(length: number): string {
  return `_acme-challenge.${'x'.repeat(63)}.${'y'.repeat(63)}.${'z'.repeat(63)}.${'w'.repeat(length)}.org`
}

function mixCase(text: string, random: Random): string {
  return text.replace(/[a-z]/g, (letter) => (random.oneIn(2) ? letter.toUpperCase() : letter))
}

function word(value: number): string {
  return String.fromCharCode((value >> 8) & 255, value & 255)
}

function fail(what: string, message: string, came: unknown, should: unknown): never {
  const hex = Buffer.from(message, 'latin1').toString('hex')
  throw new Error(`${what}: ${hex}\ncame ${JSON.stringify(came)}\nnot  ${JSON.stringify(should)}`)
}
