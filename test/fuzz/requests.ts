/** Requests in many forms, and the challenges that some of them are for. */
import { challengeFor, requestFor, type Challenge } from '../scenarios/challenge.js'
import type { Random } from './random.js'

/** The tokens that may be armed. */
export const CHALLENGES: readonly Challenge[] = Array.from({ length: 8 }, (_, at) => challengeFor(`fuzz ${at}`))

/**
 * A request for a challenge that every responder must take when the token is armed, with the length of its first line.
 */
export interface ChallengeRequest {
  readonly challenge: Challenge
  readonly method: 'GET' | 'HEAD'
  readonly text: string
  readonly lineLength: number
}

export function challengeRequest(random: Random): ChallengeRequest {
  const challenge = random.pick(CHALLENGES)
  const method = random.oneIn(5) ? 'HEAD' : 'GET'
  let text = requestFor(method, challenge.path, !random.oneIn(3))
  if (random.oneIn(4)) text = text.replace('HTTP/1.1', 'HTTP/1.0')
  if (random.oneIn(6)) text = text.replaceAll('\r\n', '\n')
  return { challenge, method, text, lineLength: text.indexOf('\n') + 1 }
}

/** A request that looks like one for a challenge, or like nothing. */
export function otherRequest(random: Random): string {
  const { text, challenge } = challengeRequest(random)
  return random.pick(NEARLY)(text, challenge.token, random)
}

const NEARLY: readonly ((text: string, token: string, random: Random) => string)[] = [
  () => requestFor('GET', '/'),
  () => requestFor('GET', '/', false),
  (text) => text.replace(/^\w+/, 'POST'),
  (text) => text.toLowerCase(),
  (text) => text.replace(' /', '  /'),
  (text) => text.replace('/.well-known', '//.well-known'),
  (text) => text.replace(' HTTP', '? HTTP'),
  (text) => text.replace('HTTP/1.', 'HTTP/2.'),
  (text) => text.replace(/ HTTP\/1\.\d\r?\n/, '\r\n'),
  (text, token) => text.replace(token, ''),
  (text, token) => text.replace(token, token.slice(1)),
  (text, token) => text.replace(token, `${token}A`),
  (text, token) => text.replace(token, `${token}/`),
  (text, token) => text.replace(token, token.toLowerCase()),
  (text, token) => text.replace(token, 'x'.repeat(200)),
  (text, token) => text.replace(token, `${token}\0`),
  (text) => ` ${text}`,
  (text) => `\r\n${text}`,
  (text) => `PROXY TCP4 198.51.100.1 192.0.2.1 40000 80\r\n${text}`,
  (text, _, random) => text.slice(0, random.below(text.length)),
  (text, _, random) => text.slice(random.below(text.length)),
  (text, _, random) => Buffer.from(random.bytes(random.below(100))).toString('latin1') + text,
]

/** A text cut into pieces: whole, in two, in some, or byte by byte. */
export function cut(text: string, random: Random): string[] {
  const longest = random.pick([text.length, text.length, Math.ceil(text.length / 2), 40, 9, 1])
  const pieces: string[] = []
  for (let at = 0; at < text.length;) {
    const length = 1 + random.below(Math.max(1, longest))
    pieces.push(text.slice(at, at + length))
    at += length
  }
  return pieces
}
