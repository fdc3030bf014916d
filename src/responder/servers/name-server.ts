/** A small name server for a port that has none. It serves armed names, by UDP and TCP, and refuses everything else. */
import type { Socket as DatagramSocket } from 'node:dgram'
import { createServer, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { ArmedNames } from '../../challenge/dns-01/answer.js'
import { ownReplyTo, type OwnReply } from '../../challenge/dns-01/own-reply.js'
import type { FlowEvent } from '../../intercept/interceptor.js'
import { parseAddress } from '../../wire/address.js'
import type { IpVersion } from '../../wire/ip.js'
import { listenAt, withNewestConnections, type OwnServer } from './own-server.js'
import type { Place } from './standalone.js'

/** The port, and what to serve on it. */
export interface NameServerOptions extends Place {
  readonly names: Pick<ArmedNames, 'valuesOf'>
}

/** Milliseconds that a connection may be idle. */
const IDLE_TIME = 30_000

/** Bytes of the longest query that is read by TCP, and of the longest reply. */
const LONGEST_QUERY = 4_096
const LONGEST_REPLY = 0xffff

/** The most single addresses that are listened on. */
const MAX_ADDRESSES = 64

/**
 * Listens on each address of an IP version that nobody listens on. It does not ask for all addresses at once, because
 * systemd-resolved, if it starts meanwhile, would find its 127.0.0.53 taken, and go on without it. When it can listen
 * on none, it returns the error's name; also when it can on loopback alone, because a name server may have just the
 * addresses that others reach.
 */
export async function openNameServer(options: NameServerOptions): Promise<OwnServer | string> {
  const servers: (OwnServer & { readonly isReached: boolean })[] = []
  const addresses = addressesOf(options.version)
  let refusal = 'EADDRNOTAVAIL'
  for (const { address, isReached } of addresses) {
    const server = await openAt(options, address)
    if (typeof server === 'string') refusal = server
    else servers.push({ close: () => server.close(), isReached })
  }
  const close = () => servers.forEach((server) => server.close())
  if (servers.some(({ isReached }) => isReached || addresses.every((one) => !one.isReached))) return { close }
  close()
  return refusal
}

/** Returns the addresses, and whether others reach them. Those of a link take an interface, so they are left out. */
function addressesOf(version: IpVersion): { readonly address: string; readonly isReached: boolean }[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses = []) => addresses)
    .filter(({ family, address }) => family === `IPv${version}` && !address.startsWith('fe80:'))
    .slice(0, MAX_ADDRESSES)
    .map(({ address, internal }) => ({ address, isReached: !internal }))
}

/** Listens on one address, by both transports. Returns the error's name when that is not possible by either. */
async function openAt(options: NameServerOptions, host: string): Promise<OwnServer | string> {
  const streams = await openStreams(options, host)
  if (typeof streams === 'string') return streams
  const datagrams = await openDatagrams(options, host)
  if (typeof datagrams !== 'string') return { close: () => [streams, datagrams].forEach((server) => server.close()) }
  streams.close()
  return datagrams
}

async function openDatagrams(options: NameServerOptions, host: string): Promise<OwnServer | string> {
  // Loaded on demand: nearly everywhere somebody listens.
  const { createSocket } = await import('node:dgram')
  const { port, version, names, onEvent } = options
  // Without `reuseAddr`: with it, another server's datagrams would come here.
  const socket = createSocket({ type: version === 4 ? 'udp4' : 'udp6', ipv6Only: version === 6 })
  const refusal = await bind(socket, port, host)
  if (refusal !== undefined) {
    socket.close()
    return refusal
  }
  socket.on('message', (message, from) => {
    const served = ownReplyTo(message, names)
    if (!served) return
    socket.send(served.reply, from.port, from.address, () => undefined)
    tell(served, { kind: 'answered', address: from.address, port: from.port, transport: 'udp' }, onEvent)
  })
  return socket
}

/** Returns the error's name, or nothing. */
function bind(socket: DatagramSocket, port: number, address: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    // Later errors are those of single datagrams.
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    socket.bind({ port, address }, () => resolve(undefined))
  })
}

async function openStreams(options: NameServerOptions, host: string): Promise<OwnServer | string> {
  const server = createServer((socket) => converse(socket, options))
  const own = withNewestConnections(server)
  return (await listenAt(server, options.port, host)) ?? own
}

/** Answers the queries of a connection, each of which has its length before it (RFC 1035, 4.2.2). */
function converse(socket: Socket, { names, onEvent }: NameServerOptions): void {
  const client = { address: socket.remoteAddress ?? '0.0.0.0', port: socket.remotePort ?? 0 }
  const answered: OwnReply[] = []
  let bytes = Buffer.alloc(0)
  socket.setTimeout(IDLE_TIME, () => socket.destroy())
  // A connection that was taken over ends with a RST of our own.
  socket.on('error', () => socket.destroy())
  socket.on('data', (more) => {
    bytes = Buffer.concat([bytes, more])
    while (bytes.length >= 2 && bytes.length >= 2 + bytes.readUInt16BE(0)) {
      const served = ownReplyTo(bytes.subarray(2, 2 + bytes.readUInt16BE(0)), names, LONGEST_REPLY)
      bytes = bytes.subarray(2 + bytes.readUInt16BE(0))
      if (!served) return socket.destroy()
      const length = Buffer.alloc(2)
      length.writeUInt16BE(served.reply.length)
      socket.write(Buffer.concat([length, served.reply]))
      answered.push(served)
      tell(served, { kind: 'answered', ...client }, onEvent)
    }
    if (bytes.length >= 2 && bytes.readUInt16BE(0) > LONGEST_QUERY) socket.destroy()
  })
  socket.once('close', (hadError) => {
    const last = answered.findLast(({ visit }) => visit)
    if (last) tell(last, { kind: hadError ? 'abandoned' : 'acknowledged', ...client }, onEvent)
  })
}

/** Tells of a reply that was for a challenge. */
function tell(
  { visit }: OwnReply,
  { address, port, ...about }: Pick<FlowEvent, 'kind' | 'transport'> & { address: string; port: number },
  onEvent: (event: FlowEvent) => void,
): void {
  if (visit) onEvent({ ...about, ...visit, client: parseAddress(address), clientPort: port })
}
