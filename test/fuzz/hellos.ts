/** ClientHellos, whole, cut and spoilt, against the model. */
import { isDeepStrictEqual } from 'node:util'
import { tlsAlpn01Service } from '../../src/challenge/tls-alpn-01/service.js'
import { chromiumHello, curlHello, openssl12Hello, opensslHello, pebbleHello } from '../fixtures/captured-hellos.js'
import { alpnExtension, extension, helloMessage, inRecords, nameExtension } from '../fixtures/hello.js'
import { modelOfHello } from './hello-model.js'
import type { Random } from './random.js'

/** How many of each kind, by the model. */
export interface HelloCounts {
  readonly hellos: number
  readonly recognised: number
  readonly other: number
  readonly partial: number
}

const CAPTURED = [chromiumHello, curlHello, openssl12Hello, opensslHello, pebbleHello]
const NAMES = [
  'example.com',
  'WWW.Example.org',
  '1.2.0.192.in-addr.arpa',
  'a_b.example',
  'exam ple',
  '',
  'x'.repeat(260),
]
const PROTOCOLS = ['acme-tls/1', 'acme-tls/1', 'acme-tls/1', 'h2', 'http/1.1', 'acme-tls/1x', 'acme-tls', '']

/**
 * Reads so many hellos by the service and by the model. What they say of a whole stream is the same. Of a start of it
 * the service never says more than the model says of the whole.
 * @throws Error with the hello that differs
 */
export function fuzzHellos(random: Random, count: number): HelloCounts {
  const { recognise } = tlsAlpn01Service(() => undefined)
  const counts = { hellos: 0, recognised: 0, other: 0, partial: 0 }
  for (; counts.hellos < count; counts.hellos++) {
    const stream = anyHello(random)
    const [expected, read] = [modelOfHello(stream), recognise(stream)]
    const start = recognise(stream.subarray(0, random.below(stream.length + 1)))
    // The service may see earlier than the model that a stream is not for us.
    const isSame = isDeepStrictEqual(read, expected) || (expected === 'partial' && read === 'other')
    const mayBegin =
      start === 'other' ? typeof expected !== 'object' : start === 'partial' || isDeepStrictEqual(start, expected)
    if (!isSame || !mayBegin)
      throw new Error(`${JSON.stringify({ expected, read, start })} of ${Buffer.from(stream).toString('hex')}`)
    counts[typeof expected === 'object' ? 'recognised' : expected]++
  }
  return counts
}

function anyHello(random: Random): Uint8Array {
  const whole = random.oneIn(4) ? random.pick(CAPTURED).slice() : madeHello(random)
  for (let spoilt = random.pick([0, 0, 0, 1, 1, 3]); spoilt > 0; spoilt--)
    whole[random.below(random.oneIn(3) ? Math.min(whole.length, 60) : whole.length)] = random.next()
  return random.oneIn(5) ? whole.subarray(0, random.below(whole.length + 1)) : whole
}

function madeHello(random: Random): Uint8Array {
  const some = <Value>(values: readonly Value[], most: number) =>
    Array.from({ length: random.pick([1, 1, 1, 1, most]) }, () => random.pick(values))
  const extensions = [
    ...(random.oneIn(10) ? [] : [nameExtension(...some(NAMES, 2))]),
    ...(random.oneIn(10) ? [] : [alpnExtension(...some(PROTOCOLS, 3))]),
    ...(random.oneIn(3) ? [extension(random.pick([0x0a0a, 51, 43]), random.bytes(random.below(80)))] : []),
    ...(random.oneIn(20) ? [extension(random.pick([0, 16]), random.bytes(random.below(12)))] : []),
    ...(random.oneIn(30) ? [extension(51, random.bytes(1_300))] : []),
  ]
  for (let last = extensions.length - 1; last > 0; last--) {
    const other = random.below(last + 1)
    ;[extensions[last], extensions[other]] = [extensions[other] as Uint8Array, extensions[last] as Uint8Array]
  }
  const message = helloMessage({ ...(!random.oneIn(50) && { extensions }), sessionId: random.bytes(random.below(33)) })
  const records = random.oneIn(4) ? Array.from({ length: random.below(4) }, () => 1 + random.below(100)) : []
  return inRecords(message, records)
}
