/** What the model knows of requests by http-01 and by tls-alpn-01. */
import { replyToHead, type Challenge } from '../scenarios/challenge.js'
import { answerFor } from './handshakes.js'
import { modelOfHello } from './hello-model.js'
import type { Request } from './model.js'
import type { ObservedPacket } from './observed-packet.js'

/** Returns the request for a challenge of http-01. */
export function httpRequest(challenge: Challenge): Request {
  const lines = ['GET', 'HEAD'].flatMap((method) =>
    ['1.0', '1.1'].flatMap((version) =>
      ['\r\n', '\n'].map((end) => `${method} ${challenge.path} HTTP/${version}${end}`),
    ),
  )
  const texts = [challenge.reply, replyToHead(challenge)]
  return {
    isSaidBy: (segments) => segments.some(({ sequence }) => lines.some((line) => spells(segments, sequence, line))),
    // What was acknowledged is not repeated.
    mayAnswer: (text) => texts.some((whole) => whole.endsWith(text)),
    mostReplies: 1,
  }
}

/** Returns the request for a name by tls-alpn-01. */
export function tlsRequest(name: string): Request {
  const whole = answerFor(name)
  return {
    isSaidBy: (segments) => segments.some((_, at) => asksFor(name, segments.slice(at))),
    mayAnswer: (text) => whole.includes(text),
    // All of the answer at once, in the shortest segments.
    mostReplies: Math.ceil(whole.length / 524) + 1,
  }
}

/** Whether every character of the line has been said at its place by some segment. */
function spells(segments: readonly ObservedPacket[], start: number, line: string): boolean {
  for (let at = 0; at < line.length; at++) {
    const isSaid = segments.some(
      ({ sequence, payload }) => payload[(start + at - sequence) | 0] === line.charCodeAt(at),
    )
    if (!isSaid) return false
  }
  return true
}

/** Whether the stream that begins with the first segment is a hello for the name. Of two bytes, the first stays. */
function asksFor(name: string, segments: readonly ObservedPacket[]): boolean {
  const [first] = segments
  if (first?.payload[0] !== 0x16) return false
  const stream = Buffer.alloc(LONGEST)
  const isSaid = new Uint8Array(LONGEST)
  for (const { sequence, payload } of segments) {
    const offset = (sequence - first.sequence) | 0
    for (let at = Math.max(offset, 0); at < Math.min(offset + payload.length, LONGEST); at++) {
      if (isSaid[at]) continue
      isSaid[at] = 1
      stream[at] = payload[at - offset] ?? 0
    }
  }
  const gap = isSaid.indexOf(0)
  const read = modelOfHello(stream.subarray(0, gap === -1 ? LONGEST : gap))
  return typeof read === 'object' && read.key === name
}

/** Bytes of a stream that are looked at. */
const LONGEST = 16_384
