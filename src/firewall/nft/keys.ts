/** The keys of selectors, in sets. */
import { keyLength, keyOffset, type Selector, type Start } from '../../wire/selector.js'
import { hex, payload, range } from './expressions.js'

/**
 * How keys are kept. `named`: in sets with a name, to which single keys can be added. `anonymous`: in the rules
 * themselves, for versions of nft that cannot declare a set of raw payload.
 */
export type KeySets = 'named' | 'anonymous'

/** Returns the name of the set of a selector's keys; selectors count from 1 on. */
export function keySetName(place: number): string {
  return `keys-${place}`
}

/** Declares a set of keys. nft has no type for them, so `typeof` names bytes of that length at the payload's start. */
export function keySet(place: number, selector: Selector): string {
  const elements = keysOf(selector).length === 0 ? '' : ` elements = ${elementsOf(selector)};`
  return `set ${keySetName(place)} { typeof ${payload(0, keyLength(selector))};${elements} }`
}

/** Returns an expression for the key after a start, as far as it is compared. */
export function keyIn(selector: Selector, start: Start): string {
  const [length, mask] = [keyLength(selector), selector.keyMask]
  return `${payload(keyOffset(start), length)}${mask === undefined ? '' : ` & ${hex(range(length).map(() => mask))}`}`
}

/** Returns the keys of a selector as numbers, each once, without the bits that are not compared. */
export function keysOf({ keys, keyMask = 0xff }: Selector): string[] {
  return keys === 'any' ? [] : [...new Set(keys.map((key) => hex(key.map((byte) => byte & keyMask))))]
}

/** Returns the keys of a selector as a set without a name. There has to be one. */
export function elementsOf(selector: Selector): string {
  return `{ ${keysOf(selector).join(', ')} }`
}
