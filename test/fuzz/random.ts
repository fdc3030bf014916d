/** Pseudorandom numbers, the same for the same seed (sfc32, by Chris Doty-Humphrey). */
export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  /** `seed`: 32 bits. */
  constructor(seed: number) {
    this.#a = 0x9e3779b9
    this.#b = 0x243f6a88
    this.#c = seed | 0
    // What differs in one bit of the seed differs in all of them after some rounds.
    for (let round = 0; round < 16; round++) this.next()
  }

  /** 32 bits, unsigned. */
  next(): number {
    const result = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0
    return result >>> 0
  }

  /** From 0 up to, and without, `limit`. */
  below(limit: number): number {
    return this.next() % limit
  }

  /** True once in so many times. */
  oneIn(times: number): boolean {
    return this.below(times) === 0
  }

  /** One of them; there has to be one. */
  pick<Value>(values: readonly Value[]): Value {
    return values[this.below(values.length)] as Value
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let at = 0; at < length; at++) bytes[at] = this.next()
    return bytes
  }
}
