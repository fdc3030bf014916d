/** Describes, as data, which packets the kernel picks. It knows no firewall, and no protocol above TCP and UDP. */

/** The most bytes of a key. nft compares all of them; iptables compares fewer (firewall/bpf/selector-programs.ts). */
export const KEY_LENGTH = 16

/** Picks packets by their transport, their port and the beginning of their payload. */
export interface Selector {
  readonly transport: 'tcp' | 'udp'
  /** The ports that the client connected to, before any DNAT. At least one. */
  readonly ports: readonly number[]
  /**
   * How a payload may begin. At least one. A TCP payload that ends inside a start is picked too, because the next
   * segment may continue it. A datagram is complete.
   */
  readonly starts: readonly Start[]
  /** The bytes that follow the start: one of these keys, or anything. All keys of a selector are of one length. */
  readonly keys: readonly Uint8Array[] | 'any'
  /** The bits that are compared of each byte of a key; all of them by default. */
  readonly keyMask?: number
  /** Whether a payload with any other key is wanted too, but only within limits (firewall/ruleset.ts). */
  readonly wantsOthers?: boolean
  /** Whether what is picked is wanted within limits only, because anybody can send it (firewall/ruleset.ts). */
  readonly isLimited?: boolean
  /**
   * A text that a payload has to contain, or may still get in the next segment. iptables looks for it. nft cannot, and
   * picks payloads without it too. `keys` has to be `any`.
   */
  readonly contains?: Contained
}

/** A text anywhere in a payload, and how it is told that no more of the payload is to come. */
export interface Contained {
  /** ASCII, without quotes and blanks. */
  readonly text: string
  /** A payload is whole when all of these count up to one and the same place, and it reaches that far. */
  readonly lengths: readonly LengthField[]
}

/** A big-endian number in a payload that counts the bytes after it. */
export interface LengthField {
  /** Where it begins in the payload, in bytes. */
  readonly at: number
  readonly bytes: 2 | 3
}

/** Bytes that a payload may begin with. */
export interface Start {
  /** Where they begin in the payload, in bytes. */
  readonly offset: number
  readonly bytes: Uint8Array
  /** The bits that are compared, as many bytes as in `bytes`. Without a mask, all bits are. */
  readonly mask?: Uint8Array
}

/** Returns the length of a selector's keys, {@link KEY_LENGTH} if it has none. */
export function keyLength({ keys }: Pick<Selector, 'keys'>): number {
  return (keys === 'any' ? undefined : keys[0]?.length) ?? KEY_LENGTH
}

/** Returns the offset in the payload at which the key after a start begins. */
export function keyOffset({ offset, bytes }: Start): number {
  return offset + bytes.length
}

/** Returns the bits that are compared of the start's byte at an index. */
export function maskAt({ mask }: Start, index: number): number {
  return mask ? (mask[index] ?? 0) : 0xff
}
