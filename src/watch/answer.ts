import type { WatchedAnswer } from './events.js'
import { printableBytes } from '../wire/printable.js'
import type { RequestHead } from './request-head.js'
import type { ResponseStart } from './response-start.js'

/**
 * Returns the answer that a response's first bytes make, which have been read as `start`. Bytes that are not HTTP, or
 * not even a status line, make it `not-http`.
 */
export function answerOf(
  start: ResponseStart | 'partial' | 'not-http',
  bytes: Uint8Array,
  request: RequestHead,
  bodyBytes: number,
): WatchedAnswer {
  if (typeof start === 'string') return { outcome: 'not-http', body: printableBytes(bytes.subarray(0, bodyBytes)) }
  return { outcome: 'answered', ...describe(start, request) }
}

function describe(
  { status, reason, location, contentType, contentEncoding, body }: ResponseStart,
  { method, token }: RequestHead,
): Omit<WatchedAnswer, 'outcome'> {
  const text = printableBytes(body)
  const isReadable = method === 'GET' && status === 200 && contentEncoding === undefined
  return {
    status,
    reason: printableBytes(reason),
    ...(location && { location: printableBytes(location) }),
    ...(contentType && { contentType: printableBytes(contentType) }),
    ...(contentEncoding && { contentEncoding: printableBytes(contentEncoding) }),
    ...(method === 'GET' && { body: text }),
    ...(isReadable && { startsWithToken: text.startsWith(`${token}.`) }),
  }
}
