import type { WatchedAnswer } from './events.js'

/** Green: what a validator wants. Red: a validation fails with it. Yellow: it depends. */
export type Colour = 'green' | 'yellow' | 'red'

interface Description {
  readonly status: string
  readonly text: string
  readonly colour: Colour
}

/**
 * Returns an answer in words: a short status, what there is to say about it, and a colour. Undefined stands for no
 * answer yet.
 */
export function describeAnswer(answer: WatchedAnswer | undefined): Description {
  if (!answer) return { status: '', text: 'waiting…', colour: 'yellow' }
  const { outcome, body = '' } = answer
  if (outcome === 'answered') {
    if (answer.rcode !== undefined) return describeDns(answer.rcode, answer)
    if (answer.record !== undefined) return describeTls(answer)
    return describeResponse(answer)
  }
  if (outcome === 'not-http' || outcome === 'not-dns' || outcome === 'not-tls')
    return { status: `not ${outcome.slice(4).toUpperCase()}`, text: quote(body), colour: 'red' }
  return { status: outcome === 'client-gone' ? 'gone' : outcome, ...SILENT[outcome] }
}

function describeResponse({
  status = 0,
  reason = '',
  location,
  contentEncoding,
  body,
  startsWithToken,
}: WatchedAnswer): Description {
  const content = contentEncoding === undefined ? quote(body ?? '') : `${contentEncoding}, ${quote(body ?? '')}`
  if (startsWithToken) return { status: `${status}`, text: quote(body ?? ''), colour: 'green' }
  if (startsWithToken === false)
    return { status: `${status}`, text: `body does not start with the token: ${content}`, colour: 'red' }
  if (location !== undefined)
    return { status: `${status}`, text: `${reason || 'redirect'} to ${location}`, colour: 'yellow' }
  const text = body === undefined || body === '' ? reason : `${reason}${reason === '' ? '' : ': '}${content}`
  return { status: `${status}`, text, colour: status === 200 ? 'yellow' : 'red' }
}

function describeDns(rcode: string, { answers = 0, isTruncated }: WatchedAnswer): Description {
  if (isTruncated) return { status: rcode, text: 'truncated: the client asks again by TCP', colour: 'yellow' }
  const colour = answers > 0 ? 'green' : rcode === 'NOERROR' ? 'yellow' : 'red'
  return { status: rcode, text: count(answers, 'answer'), colour }
}

function describeTls({ record, alert }: WatchedAnswer): Description {
  if (record === 'alert') return { status: 'alert', text: alert ?? '', colour: 'red' }
  return { status: 'TLS', text: 'a handshake; its certificate is not looked at', colour: 'yellow' }
}

/** Returns a number and a noun, which gets an s where there is not exactly one. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

const SILENT = {
  'closed': { text: 'the server closed the connection without an answer', colour: 'red' },
  'reset': { text: 'the server reset the connection', colour: 'red' },
  'silent': { text: 'no answer', colour: 'red' },
  'client-gone': { text: 'the client reset the connection before an answer', colour: 'yellow' },
  'unknown': { text: 'not followed to its end', colour: 'yellow' },
} as const

function quote(text: string): string {
  return `"${text}"`
}
