/** Joins queue, responder and raw socket: the way of a packet through this process. */
import { openQueue, type PacketVerdict } from '../kernel/queue.js'
import { openRawSockets } from '../kernel/raw-socket.js'
import { Responder, type FlowEvent } from '../respond/responder.js'
import { formatEndpoint } from '../wire/address.js'
import type { Log } from './log.js'

/** How often flows are looked at for what is due, in milliseconds; only while there are any. */
const TICK = 100

export interface PacketPath {
  readonly queue: number
  readonly counts: Readonly<Record<string, number>>
  /** Of those counts that have one. */
  readonly limits: Readonly<Record<string, number>>
  /** Resolves once every connection taken over is closed, or after `limit` milliseconds. */
  drained(limit: number): Promise<void>
}

/** @throws Failure `queue-unavailable`, `not-root`, `native-module` */
export async function openPacketPath(
  challenges: ReadonlyMap<string, string>,
  queueNumber: number | undefined,
  log: Log,
  onEvent: (event: FlowEvent) => void,
): Promise<PacketPath> {
  const send = await openRawSockets()
  const responder = new Responder(challenges)
  const counts = { packets: 0, dropped: 0, replies: 0, unsent: 0, faults: 0, 'taken over': 0, answered: 0, acknowledged: 0, abandoned: 0, 'unknown token': 0 }
  let timer: NodeJS.Timeout | undefined
  let lastInterface = 0

  const queue = await openQueue(queueNumber, handle, (thrown) => {
    counts.faults++
    log('error', `fault while handling a packet, which was let through: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`)
  })

  function handle(bytes: Uint8Array, interfaceIndex: number): PacketVerdict {
    counts.packets++
    const { verdict, replies, events } = responder.decide(bytes, performance.now())
    if (verdict !== 'accept') {
      counts.dropped++
      lastInterface = interfaceIndex
      sendAll(replies)
    }
    report(events)
    if (!timer && responder.flows > 0) timer = setInterval(tick, TICK)
    return { verdict }
  }

  function tick(): void {
    const { replies, events } = responder.tick(performance.now())
    sendAll(replies)
    report(events)
    if (responder.flows > 0) return
    clearInterval(timer)
    timer = undefined
  }

  function sendAll(replies: readonly Uint8Array[]): void {
    for (const reply of replies) {
      const error = send(reply, lastInterface)
      counts.replies++
      if (error === undefined) continue
      counts.unsent++
      log('warning', `a reply could not be sent: ${error}${error === 'EPERM' ? ' (a firewall rule on outgoing packets dropped it)' : ''}`)
    }
  }

  function report(events: readonly FlowEvent[]): void {
    for (const event of events) {
      counts[event.kind]++
      const client = formatEndpoint(event.client, event.clientPort)
      log(event.kind === 'unknown token' ? 'debug' : 'info', `${event.token} ${event.kind}: ${client}`, { event: event.kind, token: event.token, client })
      onEvent(event)
    }
  }

  async function drained(limit: number): Promise<void> {
    const end = performance.now() + limit
    while (responder.openFlows > 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20))
  }

  return {
    queue: queue.number,
    get counts() {
      return { ...counts, flows: responder.flows, 'bytes held': responder.bytesHeld, evicted: responder.evicted }
    },
    limits: { flows: responder.bounds.flows, 'bytes held': responder.bounds.bytesHeld },
    drained,
  }
}
