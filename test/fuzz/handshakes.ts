/**
 * ClientHellos for names that may be armed, and what answers them in place of a TLS engine, which has keys and chance.
 */
import type { ArmedName } from '../../src/challenge/tls-alpn-01/service.js'
import type { Connection } from '../../src/intercept/service.js'
import { chromiumHello, curlHello, opensslHello, pebbleHello } from '../fixtures/captured-hellos.js'
import { alpnExtension, extension, firefoxHello, makeHello, nameExtension } from '../fixtures/hello.js'
import { modelOfHello } from './hello-model.js'
import { Random } from './random.js'

/** The names that may be armed. The first is that of the captured hellos. */
export const NAMES = ['example.com', 'www.example.org', '1.2.0.192.in-addr.arpa', 'a_b.example'] as const

/** A hello, a character for a byte, and the name that it is for if every responder must take it when that is armed. */
export interface Hello {
  readonly text: string
  readonly name?: string
}

/** Returns a hello, mostly for one of the names. */
export function anyHello(random: Random): Hello {
  if (random.oneIn(4)) return { text: textOf(otherHello(random)) }
  const name = random.pick(NAMES)
  if (name === NAMES[0] && random.oneIn(3)) return { text: textOf(random.pick([opensslHello, pebbleHello])), name }
  if (random.oneIn(3)) return { text: textOf(firefoxHello(name, 'acme-tls/1')), name }
  const extensions = [nameExtension(name), extension(43, random.bytes(random.below(80))), alpnExtension('acme-tls/1')]
  const records = random.oneIn(3) ? [1 + random.below(60), 1 + random.below(60)] : []
  return { text: textOf(makeHello({ extensions: random.oneIn(2) ? extensions : extensions.reverse(), records })), name }
}

function otherHello(random: Random): Uint8Array {
  const name = random.pick(NAMES)
  return random.pick([
    chromiumHello,
    curlHello,
    firefoxHello(name, 'h2', 'http/1.1'),
    firefoxHello(name, 'acme-tls/1', 'h2'),
    firefoxHello(`not.${name}`, 'acme-tls/1'),
    makeHello({ extensions: [alpnExtension('acme-tls/1')] }),
    makeHello({}),
  ])
}

/** Cuts a hello as a path may: whole, in a few segments, and sometimes with its first bytes alone. */
export function cutHello(text: string, random: Random): string[] {
  const longest = random.pick([text.length, 1_400, 536, Math.ceil(text.length / 2), 60])
  const pieces = random.oneIn(5) ? text.slice(0, random.below(12)).split('') : []
  for (let at = pieces.length; at < text.length;) {
    const length = 1 + random.below(longest)
    pieces.push(text.slice(at, at + (random.oneIn(2) ? longest : length)))
    at += pieces.at(-1)?.length ?? length
  }
  return pieces
}

/** All that the answer to a hello for this name says, a character for a byte: longer than two segments. */
export function answerFor(name: string): string {
  return textOf(new Random(NAMES.indexOf(name as (typeof NAMES)[number])).bytes(1_700))
}

/** How much of it comes before the client has gone on. */
export const FLIGHT = 1_500

/** What answers. Every other conversation waits for `later` with its first bytes, as an engine may. */
export class Answers {
  /** What is wrong with the bytes that a conversation was given; undefined while nothing is. */
  fault: string | undefined
  readonly #waiting = new Set<() => void>()
  #opened = 0

  /** Returns what is armed for a name. */
  for(name: string): ArmedName {
    return { token: name, open: (connection) => this.#converse(name, connection, this.#opened++ % 2 === 0) }
  }

  /** Lets those go on that wait. */
  later(): void {
    for (const goOn of this.#waiting) goOn()
    this.#waiting.clear()
  }

  #converse(name: string, { send, end }: Connection, isPrompt: boolean): ReturnType<ArmedName['open']> {
    const whole = Buffer.from(answerFor(name), 'latin1')
    let heard = Buffer.alloc(0)
    let [isGreeted, isEnded] = [false, false]
    const greet = () => {
      if (!isEnded) send(whole.subarray(0, FLIGHT))
    }
    const close = () => {
      if (!isEnded) end()
      isEnded = true
    }
    return {
      answer: undefined,
      receive: (bytes) => {
        const before = heard
        heard = Buffer.concat([heard, bytes])
        const read = modelOfHello(heard)
        if (read === 'partial') return
        if (read === 'other' || read.key !== name)
          this.fault ??= `a conversation for ${name} got ${heard.toString('hex')}`
        if (!isGreeted) {
          isGreeted = true
          if (isPrompt) greet()
          else this.#waiting.add(greet)
        } else if (before.length > 0 && !isEnded) {
          send(whole.subarray(FLIGHT))
          close()
        }
      },
      end: close,
    }
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}
