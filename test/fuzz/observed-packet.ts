/** What the model sees of a packet. It does not use src/wire, so that a fault there is not repeated here. */

/** A whole TCP segment with right checksums and sane options in a packet that is no fragment. */
export interface ObservedPacket {
  readonly version: 4 | 6
  readonly ipHeaderLength: number
  readonly source: string
  readonly destination: string
  readonly sourcePort: number
  readonly destinationPort: number
  readonly sequence: number
  readonly flags: number
  readonly payload: Buffer
  /** The flow, in the client's direction. */
  readonly key: string
}

/**
 * `undefined` for everything else. `isOurs` also wants the IPv4 header's checksum right, which the kernel has looked at
 * for received ones.
 */
export function observe(packet: Uint8Array, isOurs = false): ObservedPacket | undefined {
  const bytes = Buffer.from(packet.buffer, packet.byteOffset, packet.length)
  const version = (bytes[0] ?? 0) >> 4
  if (version === 4 ? bytes.length < 20 : version !== 6 || bytes.length < 40) return undefined
  const ipHeaderLength = version === 4 ? ((bytes[0] ?? 0) & 15) * 4 : 40
  const end = version === 4 ? bytes.readUInt16BE(2) : 40 + bytes.readUInt16BE(4)
  if (ipHeaderLength < 20 || end > bytes.length || end < ipHeaderLength + 20) return undefined
  if (version === 4 && (bytes.readUInt16BE(6) & 0x3fff) !== 0) return undefined
  if (bytes[version === 4 ? 9 : 6] !== 6) return undefined
  if (isOurs && version === 4 && checksum(bytes.subarray(0, ipHeaderLength), 0) !== 0xffff) return undefined
  const tcp = bytes.subarray(ipHeaderLength, end)
  const dataOffset = ((tcp[12] ?? 0) >> 4) * 4
  if (dataOffset < 20 || dataOffset > tcp.length || !hasSaneOptions(tcp.subarray(20, dataOffset))) return undefined
  const [from, width] = version === 4 ? [12, 4] : [8, 16]
  if (checksum(tcp, checksum(bytes.subarray(from, from + 2 * width), 6 + tcp.length)) !== 0xffff) return undefined
  const source = bytes.toString('latin1', from, from + width)
  const destination = bytes.toString('latin1', from + width, from + 2 * width)
  return {
    version: version as 4 | 6,
    ipHeaderLength,
    source,
    destination,
    sourcePort: tcp.readUInt16BE(0),
    destinationPort: tcp.readUInt16BE(2),
    sequence: tcp.readUInt32BE(4),
    flags: tcp[13] ?? 0,
    payload: tcp.subarray(dataOffset),
    key: source + destination + tcp.toString('latin1', 0, 4),
  }
}

/** Each option is one byte (0 ends the list, 1 is nothing) or has a length that fits; timestamps have ten bytes. */
function hasSaneOptions(options: Buffer): boolean {
  const [kind, length = 0] = options
  if (kind === undefined || kind === 0) return true
  if (kind === 1) return hasSaneOptions(options.subarray(1))
  return (
    length >= 2 && length <= options.length && (kind !== 8 || length === 10) && hasSaneOptions(options.subarray(length))
  )
}

/** Corrects the checksums of a packet that is long enough to have some. Returns the packet. */
export function repairChecksums(packet: Uint8Array): Uint8Array {
  const bytes = Buffer.from(packet.buffer, packet.byteOffset, packet.length)
  const version = (bytes[0] ?? 0) >> 4
  const ipHeaderLength = version === 4 ? ((bytes[0] ?? 0) & 15) * 4 : 40
  if ((version !== 4 && version !== 6) || bytes.length < ipHeaderLength + 20 || ipHeaderLength < 20) return packet
  if (version === 4) {
    bytes.writeUInt16BE(0, 10)
    bytes.writeUInt16BE(~checksum(bytes.subarray(0, ipHeaderLength), 0) & 0xffff, 10)
  }
  const end = Math.min(bytes.length, version === 4 ? bytes.readUInt16BE(2) : 40 + bytes.readUInt16BE(4))
  if (end < ipHeaderLength + 20) return packet
  const tcp = bytes.subarray(ipHeaderLength, end)
  const [from, width] = version === 4 ? [12, 4] : [8, 16]
  tcp.writeUInt16BE(0, 16)
  tcp.writeUInt16BE(~checksum(tcp, checksum(bytes.subarray(from, from + 2 * width), 6 + tcp.length)) & 0xffff, 16)
  return packet
}

/** The ones' complement sum of RFC 1071, folded; 0xffff over bytes with a right checksum in them. */
function checksum(bytes: Buffer, initial: number): number {
  let sum = initial
  const even = bytes.length & ~1
  for (let at = 0; at < even; at += 2) sum += ((bytes[at] as number) << 8) + (bytes[at + 1] as number)
  if (even < bytes.length) sum += (bytes[even] as number) << 8
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return sum
}
