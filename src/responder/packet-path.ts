/** Joins queue, interceptor and raw socket: the way of a packet through this process. */
import type { openQueue, PacketVerdict } from '../kernel/queue.js'
import type { openRawSockets } from '../kernel/raw-socket.js'
import { decideDatagram, type DatagramDecision } from '../intercept/datagrams.js'
import { Interceptor, type FlowEvent } from '../intercept/interceptor.js'
import { DEFAULT_LIMITS } from '../intercept/limits.js'
import type { DatagramService, Service } from '../intercept/service.js'
import { formatEndpoint } from '../wire/address.js'
import { wordsOf } from '../wire/printable.js'
import { every, pause, type Clock } from './clock.js'
import type { Log } from './log.js'

/** Milliseconds between looks at flows for what is due, while there are any. */
const TICK = 100

/** Milliseconds between looks whether all connections are closed. */
const DRAIN_PAUSE = 20

/** The most packets that wait in the queue where anybody is answered: what the limits let in at once, and more. */
export const LONG_QUEUE = 4_096

/** What the packet path asks of the machine. */
export interface PacketEdges {
  readonly openQueue: typeof openQueue
  readonly openRawSockets: typeof openRawSockets
  readonly clock: Clock
}

/** Milliseconds between questions to the kernel how many packets it has dropped. */
const LOOK = 3_000

/** The open way of packets: queue, interceptor, raw sockets. */
export interface PacketPath {
  readonly queue: number
  /** The netlink port id of the queue, by which others find it in the kernel's list. */
  readonly port: number | undefined
  readonly counts: Readonly<Record<string, number>>
  /** The limits of those counts that have one. */
  readonly limits: Readonly<Record<string, number>>
  /** Lets more packets wait in the queue, as many as when any token is answered. */
  lengthen(): void
  /** Resolves once every connection taken over is closed, or after `limit` milliseconds. */
  drained(limit: number): Promise<void>
}

/** What the packet path is told of queue and rules. */
export interface PacketPathOptions {
  /** NFQUEUE number; a free one by default. */
  readonly queue: number | undefined
  /** The bit of the packet mark that lets a connection go; undefined while the rules know none. */
  readonly letGoMark: () => number | undefined
  /** The most packets that wait in the queue; as kernel/queue.ts has it by default. */
  readonly length?: number | undefined
  /** What is answered datagram by datagram; nothing by default. */
  readonly datagrams?: readonly DatagramService[]
  /** Returns whether a connection for this key is counted and told, but not logged here. */
  readonly isQuiet?: (key: string) => boolean
}

/**
 * Opens queue and raw sockets, and joins them by an interceptor.
 * @throws Failure `queue-unavailable`, `not-root`, `native-module`
 */
export async function openPacketPath(
  services: readonly Service[],
  { queue: number, letGoMark, length, datagrams = [], isQuiet = () => false }: PacketPathOptions,
  { openQueue, openRawSockets, clock }: PacketEdges,
  log: Log,
  onEvent: (event: FlowEvent) => void,
): Promise<PacketPath> {
  const send = await openRawSockets()
  const interceptor = new Interceptor(services, DEFAULT_LIMITS, pollSoon)
  const counts = {
    packets: 0,
    dropped: 0,
    replies: 0,
    unsent: 0,
    faults: 0,
    takenOver: 0,
    answered: 0,
    acknowledged: 0,
    abandoned: 0,
    unknownToken: 0,
  }
  let stopPolling: (() => void) | undefined
  let lastInterface = 0

  const queue = await openQueue(number, handle, onFault, length)

  function onFault(thrown: unknown): void {
    counts.faults++
    log(
      'error',
      `fault while handling a packet, which was let through: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`,
    )
  }

  let lost = 0
  every(clock, LOOK, () => warnOfLoss(queue.counts().lost))

  function warnOfLoss(now: number): void {
    if (now > lost)
      log(
        'warning',
        `too many packets for the queue: ${now - lost} dropped by the kernel, for this machine is too slow`,
      )
    lost = now
  }

  function handle(bytes: Uint8Array, interfaceIndex: number): PacketVerdict {
    counts.packets++
    const datagram = decideDatagram(datagrams, bytes)
    if (datagram) return handleDatagram(datagram, interfaceIndex)
    const { verdict, replies, events } = interceptor.decide(bytes, clock.now())
    const isOurs = verdict !== 'accept' && verdict !== 'release' && verdict !== 'again'
    if (isOurs) {
      counts.dropped++
      lastInterface = interfaceIndex
      sendAll(replies)
    }
    report(events)
    if (interceptor.flows > 0) stopPolling ??= every(clock, TICK, poll)
    if (isOurs || verdict === 'accept') return { verdict }
    if (verdict === 'again') return { verdict: { repeat: 0 } }
    const repeat = letGoMark()
    return { verdict: repeat === undefined ? 'accept' : { repeat } }
  }

  /** The reply is sent when connection tracking knows the packet that it answers. */
  function handleDatagram(decision: DatagramDecision, interfaceIndex: number): PacketVerdict {
    const { verdict, replies, shorter, events } = decision
    if (verdict !== 'accept') counts.dropped++
    report(events)
    const afterwards = () => {
      lastInterface = interfaceIndex
      sendAll(replies, shorter)
    }
    return { verdict, ...(replies.length > 0 && { afterwards }) }
  }

  function poll(): void {
    const { replies, events } = interceptor.poll(clock.now())
    sendAll(replies)
    report(events)
    if (interceptor.flows > 0) return
    stopPolling?.()
    stopPolling = undefined
  }

  /**
   * Polls soon, because a service has something to send by itself. It does not poll at once, because the service may be
   * in the middle of something.
   */
  function pollSoon(): void {
    setImmediate(poll)
  }

  function sendAll(replies: readonly Uint8Array[], shorter?: () => Uint8Array): void {
    for (const reply of replies) {
      const refusal = send(reply, lastInterface)
      const error = refusal === 'EMSGSIZE' && shorter ? send(shorter(), lastInterface) : refusal
      counts.replies++
      if (error === undefined) continue
      counts.unsent++
      log(
        'warning',
        `a reply could not be sent: ${error}${error === 'EPERM' ? ' (a firewall rule on outgoing packets dropped it)' : ''}`,
      )
    }
  }

  function report(events: readonly FlowEvent[]): void {
    for (const event of events) {
      counts[event.kind]++
      onEvent(event)
      if (isQuiet(event.key) && event.kind !== 'unknownToken') continue
      const client = formatEndpoint(event.client, event.clientPort)
      log(event.kind === 'unknownToken' ? 'debug' : 'info', `${event.key} ${wordsOf(event.kind)}: ${client}`, {
        event: event.kind,
        token: event.key,
        client,
      })
    }
  }

  async function drained(limit: number): Promise<void> {
    const end = clock.now() + limit
    while (interceptor.openFlows > 0 && clock.now() < end) await pause(clock, DRAIN_PAUSE)
  }

  return {
    queue: queue.number,
    port: queue.port,
    get counts() {
      const { waiting, lost } = queue.counts()
      return {
        ...counts,
        waiting: waiting,
        lostByKernel: lost,
        flows: interceptor.flows,
        bytesHeld: interceptor.bytesHeld,
        evicted: interceptor.evicted,
      }
    },
    limits: { flows: interceptor.bounds.flows, bytesHeld: interceptor.bounds.bytesHeld },
    lengthen: () => {
      queue.limit(LONG_QUEUE)
    },
    drained,
  }
}
