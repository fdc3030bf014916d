/** The chains that compare the starts of selectors, and the rules that call them. */
import { keyLength, keyOffset, maskAt, type Selector, type Start } from '../../wire/selector.js'
import { chain, hex, payload, range } from './expressions.js'
import { elementsOf, keyIn, keySetName, keysOf, type KeySets } from './keys.js'

/** The most bytes of a payload that nft compares in one expression. */
const LONGEST_COMPARED = 16

/** Returns the rules that call the chain of each start of a transport. */
export function startJumps(selectors: readonly Selector[], transport: Selector['transport']): string[] {
  return selectors.flatMap((selector, index) =>
    selector.transport !== transport
      ? []
      : selector.starts.map((start, place) => {
          const { length } = start.bytes
          // A datagram is complete, so all of its first bytes are there to compare.
          const begins =
            transport === 'tcp' ? gate([start]) : compared(start, 0, Math.min(length, LONGEST_COMPARED), '==')
          return `${begins} jump ${startName(index + 1, place + 1)}`
        }),
  )
}

/**
 * Returns the chain that compares the whole start and the key after it. Its first rule compares the first 16 bytes,
 * where nearly all other payloads differ. A comparison past the end of the payload never matches, `!=` included. So a
 * payload that ends early passes every rule down to the last one.
 */
export function startChain(selector: Selector, start: Start, place: number, index: number, keySets: KeySets): string {
  const { transport, keys } = selector
  const pieces = range(Math.ceil(start.bytes.length / LONGEST_COMPARED)).map((piece) => ({
    at: piece * LONGEST_COMPARED,
    length: Math.min(LONGEST_COMPARED, start.bytes.length - piece * LONGEST_COMPARED),
  }))
  const whole = pieces.map(({ at, length }) => compared(start, at, length, '==')).join(' ')
  const key = keyIn(selector, start)
  const last = payload(keyOffset(start) + keyLength(selector) - 1, 1)
  // An anonymous set cannot be empty.
  const set = keySets === 'named' ? `@${keySetName(place)}` : keysOf(selector).length === 0 ? '' : elementsOf(selector)
  return chain(startName(place, index), [
    ...pieces.slice(0, 1).map(({ at, length }) => `${compared(start, at, length, '!=')} return`),
    ...(keys === 'any'
      ? [`${whole} goto armed-${place}`]
      : [
          ...(set === '' ? [] : [`${whole} ${key} ${set} goto armed-${place}`]),
          `${whole} ${set === '' ? `${last} & 0x0 == 0x0` : `${key} != ${set}`} goto unarmed-${place}`,
        ]),
    // A TCP payload may be continued in the next segment. A datagram is complete.
    ...(transport === 'tcp'
      ? [
          ...range(start.bytes.length)
            .filter((at) => maskAt(start, at) !== 0)
            .map((at) => `${compared(start, at, 1, '!=')} return`),
          `goto incomplete-${place}`,
        ]
      : []),
  ])
}

function startName(place: number, index: number): string {
  return `start-${place}-${index}`
}

/**
 * Returns a condition of one comparison that every payload with one of these starts meets. Other payloads may meet it
 * too, an empty one never does.
 */
export function gate(starts: readonly Start[]): string {
  const [only] = starts
  if (only?.offset === 0 && starts.length === 1 && maskAt(only, 0) !== 0xff) return compared(only, 0, 1, '==')
  // Matches any first byte. An empty payload has none.
  if (starts.some((start) => start.offset !== 0 || maskAt(start, 0) !== 0xff)) return `${payload(0, 1)} & 0x0 == 0x0`
  const [least = 0, most = 0] = [Math.min, Math.max].map((of) => of(...starts.map(({ bytes }) => bytes[0] ?? 0)))
  return `${payload(0, 1)} ${hex([least])}${least === most ? '' : `-${hex([most])}`}`
}

/** Returns a comparison of `length` bytes of the start, from its byte `at` on, with the payload. */
function compared(start: Start, at: number, length: number, operator: '==' | '!='): string {
  const places = range(length).map((index) => at + index)
  const masks = places.map((place) => maskAt(start, place))
  const mask = masks.every((bits) => bits === 0xff) ? '' : ` & ${hex(masks)}`
  const value = hex(places.map((place) => (start.bytes[place] ?? 0) & maskAt(start, place)))
  return `${payload(start.offset + at, length)}${mask} ${operator} ${value}`
}
