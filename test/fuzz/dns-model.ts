/**
 * What a DNS message has to be answered with, told once more, and otherwise than in src: by text in which every
 * character is a byte. RFC 1035, 4; RFC 6891; RFC 7873; RFC 9267.
 */

/** What is armed: the values of each name. */
export type Armed = ReadonlyMap<string, readonly string[]>

/**
 * What becomes of a message: it is the server's, it is for a name that is not armed, or it is answered by UDP and by
 * TCP.
 */
export type Expected = 'server' | { readonly stray: string } | { readonly udp: string; readonly tcp: string }

const NO_ERROR_QUERY = /^[^]{2}[\0\x01][\0\x10\x20\x30]\0\x01\0\0\0\0\0[\0\x01]/
const CHALLENGE = '_acme-challenge.'

/** Returns what becomes of a message. */
export function expected(message: string, armed: Armed): Expected {
  if (!NO_ERROR_QUERY.test(message)) return 'server'
  const question = questionIn(message.slice(12))
  if (!question) return 'server'
  const rest = message.slice(12 + question.length)
  const edns = message[11] === '\0' ? (rest === '' ? '' : undefined) : ednsIn(rest)
  const name = nameIn(question)
  if (edns === undefined || !question.endsWith('\0\x01') || !name.startsWith(CHALLENGE)) return 'server'
  const values = armed.get(name) ?? []
  if (values.length === 0) return { stray: name }
  const type = number(question.slice(-4, -2))
  const isForServer = type === 6 || type === 43 || type === 41 || (type >= 128 && type <= 254)
  if (isForServer) return 'server'
  const records = type === 16 || type === 255 ? values.map(recordOf) : []
  const limit = Math.min(1_232, Math.max(512, rest === '' ? 0 : number(rest.slice(3, 5))))
  const whole = reply(message, question, records, edns, false)
  return { udp: whole.length > limit ? reply(message, question, [], edns, true) : whole, tcp: whole }
}

/** Returns the question with its type and class; nothing when it is not whole, or its name is none that is armed. */
function questionIn(text: string): string | undefined {
  let end = 0
  for (let length = text.charCodeAt(0); length !== 0; length = text.charCodeAt(end)) {
    // NaN is a length that is missing.
    if (!(length >= 1 && length <= 63)) return undefined
    if (!new RegExp(`^[a-z0-9_-]{${length}}$`, 'i').test(text.slice(end + 1, end + 1 + length))) return undefined
    end += 1 + length
  }
  return end + 1 > 255 || text.length < end + 5 ? undefined : text.slice(0, end + 5)
}

function nameIn(question: string): string {
  const labels: string[] = []
  for (let rest = question; rest.charCodeAt(0) !== 0; rest = rest.slice(1 + rest.charCodeAt(0)))
    labels.push(rest.slice(1, 1 + rest.charCodeAt(0)))
  return labels.join('.').toLowerCase()
}

/** Returns the OPT record of the reply to one with this OPT record; nothing when that is none. */
function ednsIn(rest: string): string | undefined {
  const [, dnssec = '', length = '', options = ''] = /^\0\0\x29[^]{2}[^]\0([^])[^]([^]{2})([^]*)$/.exec(rest) ?? []
  if (length === '' || number(length) !== options.length) return undefined
  let cookie: string | undefined
  for (let left = options; left !== '';) {
    if (left.length < 4) return undefined
    const end = 4 + number(left.slice(2, 4))
    if (left.length < end) return undefined
    if (left.startsWith('\0\x0a')) cookie ??= left.slice(0, end)
    left = left.slice(end)
  }
  if (cookie !== undefined && ![12, ...range(20, 44)].includes(cookie.length)) return undefined
  const isDnssecOk = dnssec.charCodeAt(0) >= 128
  return `\0\0\x29\x04\xd0\0\0${isDnssecOk ? '\x80' : '\0'}\0${word(cookie?.length ?? 0)}${cookie ?? ''}`
}

function reply(message: string, question: string, records: readonly string[], edns: string, isCut: boolean): string {
  const flags = 0x84 + (isCut ? 2 : 0) + message.charCodeAt(2)
  const checking = message.charCodeAt(3) & 0x10
  const counts = `\0\x01${word(records.length)}\0\0${edns === '' ? '\0\0' : '\0\x01'}`
  return message.slice(0, 2) + String.fromCharCode(flags, checking) + counts + question + records.join('') + edns
}

function recordOf(value: string): string {
  return `\xc0\x0c\0\x10\0\x01\0\0\0\0${word(value.length + 1)}${String.fromCharCode(value.length)}${value}`
}

function number(text: string): number {
  return text.charCodeAt(0) * 256 + text.charCodeAt(1)
}

function word(value: number): string {
  return String.fromCharCode(value >> 8, value & 255)
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at)
}
