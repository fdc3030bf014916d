/** What the kernel picks out of the traffic to some ports, as data: it knows neither a firewall nor a protocol. */

/** How many bytes of a key are compared, where the kernel can compare as many. */
export const KEY_LENGTH = 16

/** Payloads of one transport to some ports. */
export interface Selector {
  readonly transport: 'tcp' | 'udp'
  /** Original destination ports, at least one. */
  readonly ports: readonly number[]
  /**
   * How a payload may begin, at least one. A TCP payload that ends inside one may still become it; a datagram is whole.
   */
  readonly starts: readonly Start[]
  /** The {@link KEY_LENGTH} bytes that have to follow the start: any of these, or whatever there is. */
  readonly keys: readonly Uint8Array[] | 'any'
}

/** Bytes at a place of the payload. */
export interface Start {
  readonly offset: number
  readonly bytes: Uint8Array
  /** The bits that count, as many bytes as there are; all of them without it. */
  readonly mask?: Uint8Array
}

/** Where a start's key begins in the payload. */
export function keyOffset({ offset, bytes }: Start): number {
  return offset + bytes.length
}

/** The bits that count of the start's byte at an index. */
export function maskAt({ mask }: Start, index: number): number {
  return mask ? (mask[index] ?? 0) : 0xff
}
