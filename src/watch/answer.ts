import type { WatchedAnswer, AnswerOutcome } from './events.js'
import { printableBytes } from '../wire/printable.js'
import type { RequestHead } from './request-head.js'
import { readResponseStart, type ResponseStart } from './response-start.js'

/**
 * Returns the answer that a response's first bytes make, if there are any. Bytes that are not HTTP, or not even a
 * status line, make it `not-http`.
 */
export function answerOf(
  outcome: AnswerOutcome,
  bytes: Uint8Array | undefined,
  request: RequestHead,
  bodyBytes: number,
): WatchedAnswer {
  if (!bytes || bytes.length === 0) return { outcome }
  const response = readResponseStart(bytes, request.method, bodyBytes)
  if (typeof response === 'string') return { outcome: 'not-http', body: printableBytes(bytes.subarray(0, bodyBytes)) }
  return { outcome: 'answered', ...describe(response, request) }
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
