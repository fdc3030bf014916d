/** Reads every packet of an interface, and puts packets of our own on it: packet(7), without the Ethernet header. */
import { closeSync, read } from 'node:fs'
import type { Test } from 'tap'
import { parseIp, type IpPacket } from '../../src/wire/ip.js'
import { parseTcp, type TcpSegment } from '../../src/wire/tcp.js'
import type { Namespace } from '../../src/lab/lab.js'
import { run } from '../../src/lab/run.js'
import * as at from './namespace-socket.js'

/** One TCP packet as it passed the interface, in either direction. */
export interface Seen {
  readonly bytes: Uint8Array
  readonly ip: IpPacket
  readonly segment: TcpSegment
}

/** An open packet socket. */
export interface PacketSocket {
  /**
   * Every TCP packet since it was opened, oldest first; those that the kernel sent may lack their checksum (it leaves
   * that to the hardware).
   */
  readonly seen: readonly Seen[]
  /** Sends an IP packet to the machine at the other end of the cable. */
  send(packet: Uint8Array): void
}

const ETH_P_ALL = 0x0003
const LONGEST = 0x10000
const turnMilliseconds = 100

/** Opens one on the namespace's interface, until the test ends; `to` is the hardware address of the other end. */
export async function openPacketSocket(
  t: Test,
  namespace: Namespace,
  device: string,
  to: string,
): Promise<PacketSocket> {
  const index = (await describeLink(namespace, device)).ifindex
  const fd = at.socketIn(namespace, at.AF_PACKET, at.SOCK_DGRAM)
  at.bindTo(fd, linkAddress(ETH_P_ALL, index, ''))
  // A read that waits holds one of Node's threads: it comes back now and then to see whether the test is over.
  at.setOption(fd, at.SOL_SOCKET, at.SO_RCVTIMEO, turnMilliseconds)
  const seen: Seen[] = []
  let isOpen = true
  const buffer = Buffer.alloc(LONGEST)
  const ended = new Promise<void>((resolve) => {
    const receive = () => {
      read(fd, buffer, 0, LONGEST, null, (error, length) => {
        if (!error) take(seen, Uint8Array.from(buffer.subarray(0, length)))
        if (isOpen && (!error || error.code === 'EAGAIN')) receive()
        else resolve()
      })
    }
    receive()
  })
  t.teardown(async () => {
    isOpen = false
    await ended
    closeSync(fd)
  })
  return {
    seen,
    send: (packet) => at.sendTo(fd, packet, linkAddress((packet[0] ?? 0) >> 4 === 4 ? 0x0800 : 0x86dd, index, to)),
  }
}

/** The hardware address of an interface. */
export async function hardwareAddress(namespace: Namespace, device: string): Promise<string> {
  return (await describeLink(namespace, device)).address
}

async function describeLink({ name }: Namespace, device: string): Promise<{ ifindex: number; address: string }> {
  const { stdout } = await run(['ip', '-j', '-n', name, 'link', 'show', device])
  const [link] = JSON.parse(stdout) as { ifindex: number; address: string }[]
  if (!link) throw new Error(`no interface ${device} in ${name}`)
  return link
}

function take(seen: Seen[], bytes: Uint8Array): void {
  const ip = parseIp(bytes)
  const segment = ip && ip.protocol === 6 ? parseTcp(ip.payload) : undefined
  if (ip && segment) seen.push({ bytes, ip, segment })
}

/**
 * sockaddr_ll: family (2, host order), protocol (2), interface (4, host order), hardware type (2), packet type, address
 * length, address (8).
 */
function linkAddress(protocol: number, index: number, address: string): Uint8Array {
  const octets = address === '' ? [] : address.split(':').map((octet) => parseInt(octet, 16))
  const bytes = new Uint8Array(20)
  bytes.set(new Uint8Array(Uint16Array.of(at.AF_PACKET).buffer))
  bytes.set([protocol >> 8, protocol & 0xff], 2)
  bytes.set(new Uint8Array(Int32Array.of(index).buffer), 4)
  bytes.set([octets.length, ...octets], 11)
  return bytes
}
