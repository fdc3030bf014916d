import { keyLength, keyOffset, maskAt, type Selector, type Start } from '../../src/wire/selector.js'

/** What a payload is to a selector. */
export type Kind = 'other' | 'armed' | 'unarmed' | 'incomplete'

/** Tells what a payload is to the selectors of a transport, by what their descriptions say, and all bytes of a key. */
export function picked(selectors: readonly Selector[], transport: Selector['transport'], payload: Uint8Array): Kind {
  const kinds = selectors
    .filter((selector) => selector.transport === transport)
    .flatMap((selector) => selector.starts.map((start) => kindBy(selector, start, payload)))
  return kinds.find((kind) => kind !== 'other') ?? 'other'
}

function kindBy(selector: Selector, start: Start, payload: Uint8Array): Kind {
  const { transport, keys, keyMask = 0xff } = selector
  const begin = payload.subarray(start.offset, keyOffset(start))
  if (payload.length === 0 || begin.some((byte, at) => ((byte ^ (start.bytes[at] ?? 0)) & maskAt(start, at)) !== 0))
    return 'other'
  const isWhole = begin.length === start.bytes.length
  if (isWhole && keys === 'any') return 'armed'
  const key = payload.subarray(keyOffset(start), keyOffset(start) + keyLength(selector))
  if (keys === 'any' || key.length < keyLength(selector)) return transport === 'tcp' ? 'incomplete' : 'other'
  return keys.some((one) => one.every((byte, at) => ((byte ^ (key[at] ?? 0)) & keyMask) === 0)) ? 'armed' : 'unarmed'
}
