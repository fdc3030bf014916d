import { answerOf } from './answer.js'
import type { Protocol } from './protocol.js'
import { readRequestHead } from './request-head.js'
import { readResponseStart } from './response-start.js'

/** HTTP: requests below the path of http-01. */
export const watchedHttp: Protocol = {
  mostBytes: ({ requestBytes }) => requestBytes,
  read: (bytes) => {
    const head = readRequestHead(bytes)
    if (typeof head === 'string') return head
    const { length, ...shown } = head
    return {
      shown,
      length,
      readAnswer: (response, bodyBytes) => {
        const start = readResponseStart(response, head.method, bodyBytes)
        const isForeign = start === 'not-http' && response.length >= bodyBytes
        return {
          answer: answerOf(start, response, head, bodyBytes),
          isEnough: isForeign || (typeof start === 'object' && start.isEnough),
        }
      },
    }
  },
}
