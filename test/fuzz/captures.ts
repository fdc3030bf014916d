/** Reads the recorded connections of test/fixtures/captures, and those of test/fixtures/captured-conversations.ts. */
import { readdirSync, readFileSync } from 'node:fs'
import { ipv4Conversation, ipv6Conversation } from '../fixtures/captured-conversations.js'

/** IP packets of both directions, in the order of the wire. */
export type Capture = readonly Uint8Array[]

/** All of them, by name. */
export function readCaptures(): ReadonlyMap<string, Capture> {
  const directory = new URL('../fixtures/captures/', import.meta.url)
  const files = readdirSync(directory)
    .filter((name) => name.endsWith('.pcap'))
    .sort()
  if (files.length === 0) throw new Error(`no captures in ${directory.pathname}`)
  return new Map<string, Capture>([
    ['ipv4Conversation', ipv4Conversation.map(({ bytes }) => bytes)],
    ['ipv6Conversation', ipv6Conversation.map(({ bytes }) => bytes)],
    ...files.map((name): [string, Capture] => [name, readCapture(readFileSync(new URL(name, directory)))]),
  ])
}

const MAGIC = 0xa1b2c3d4
const FILE_HEADER = 24
const RECORD_HEADER = 16
const ETHERNET_HEADER = 14

/** pcap-savefile(5), little-endian, of Ethernet; frames that are not IP are left out. */
function readCapture(file: Buffer): Capture {
  if (file.readUInt32LE(0) !== MAGIC) throw new Error('not a little-endian pcap file with microseconds')
  const packets: Uint8Array[] = []
  for (let at = FILE_HEADER; at < file.length;) {
    const length = file.readUInt32LE(at + 8)
    const frame = file.subarray(at + RECORD_HEADER, at + RECORD_HEADER + length)
    const type = frame.readUInt16BE(12)
    if (type === 0x0800 || type === 0x86dd) packets.push(Uint8Array.from(frame.subarray(ETHERNET_HEADER)))
    at += RECORD_HEADER + length
  }
  return packets
}
