/** Random choices that are the same for the same seed. */

/** A source of choices. Not shared between things that go on at once: their order is not repeated. */
export interface Random {
  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number
  /** True with this probability, from 0 to 1. */
  chance(probability: number): boolean
  /** One of the items, of which there has to be at least one. */
  pick<Item>(items: readonly Item[]): Item
  /** A seed for a source of its own. */
  fork(): number
}

/** Mulberry32 (Tommy Ettinger, public domain): 32 bits of state, enough to try things in many orders. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const between = (from: number, to: number): number => from + Math.floor((next() / 2 ** 32) * (to - from + 1))
  return {
    between,
    chance: (probability) => next() / 2 ** 32 < probability,
    pick: <Item>(items: readonly Item[]) => items[between(0, items.length - 1)] as Item,
    fork: next,
  }
}
