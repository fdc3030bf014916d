import type { Http01Challenge } from '../../src/challenge/challenge.js'
import type { Test } from 'tap'
import { request } from '../../src/control/client.js'
import type { ArmRequest, ControlRequest } from '../../src/control/message.js'
import type { PacketHandler } from '../../src/kernel/queue.js'
import type { Edges } from '../../src/responder/edges.js'
import { openLog } from '../../src/responder/log.js'
import { runDirectory } from '../../src/responder/run-directory.js'
import type { ServeOptions } from '../../src/responder/serve.js'
import { formatReply } from '../../src/wire/http/http.js'
import { ACK, FIN, PSH } from '../../src/wire/tcp.js'
import { toText } from '../fixtures/hex.js'
import { Connection } from '../intercept/segments.js'
import { putFirewallProgramsOnPath } from '../firewall/fake-programs.js'
import { fakeIptables, type Call } from '../firewall/iptables/fake-iptables.js'
import { temporaryDirectory } from '../temporary-directory.js'
import { fakeClock } from './fake-clock.js'

putFirewallProgramsOnPath()
const { serve } = await import('../../src/responder/serve.js')

export interface StageOptions extends Partial<ServeOptions> {
  /** The complaint with which a program fails, or nothing. */
  readonly refuse?: (call: Call) => string | undefined
  /** What a program waits for before it begins. */
  readonly hold?: (call: Call) => Promise<void> | undefined
  readonly edges?: Partial<Edges>
}

/** What becomes of a packet whose connection is nothing to us: it goes through the hook once more, with this mark. */
export const letGo = { repeat: 0x800000 }

export type Stage = Awaited<ReturnType<typeof stageResponder>>

/**
 * A responder as `serve` puts it together, with a real lock, control socket and ruleset, that needs no root: queue and
 * raw socket, the firewall's programs and the clock are the test's. test/scenarios shows it with those of the machine.
 */
export async function stageResponder(t: Test, { refuse, hold, edges: otherEdges, ...options }: StageOptions = {}) {
  const directory = runDirectory(`${temporaryDirectory(t)}/run`)
  const clock = fakeClock()
  const kernel = fakeIptables((call) => refuse?.(call))
  const sent: Uint8Array[] = []
  let handle: PacketHandler | undefined
  let lost = 0
  const edges: Edges = {
    clock,
    run: async (argv, input = '') => {
      await hold?.({ command: argv.join(' '), input })
      return kernel.run(argv, input)
    },
    converse: kernel.converse,
    sets: kernel.sets,
    openQueue: async (number, handler) => {
      handle = handler
      return {
        number: number ?? 8555,
        port: 4711,
        isFailOpen: false,
        limit: () => false,
        counts: () => ({ waiting: 2, lost }),
      }
    },
    openRawSockets: async () => (packet) => {
      sent.push(packet)
      return undefined
    },
    openXtablesLock: async () => (task) => task(),
    findFamilies: async () => [{ version: 4, isTracked: true }],
    ...otherEdges,
  }
  const log = openLog(true, [])
  const all: ServeOptions = {
    directory,
    firewall: 'iptables',
    queue: undefined,
    mark: 0x400000,
    isStandalone: false,
    isTransient: true,
    linger: 0,
    version: '1.2.3',
    ...options,
  }
  const start = () => serve(all, log, edges)
  const responder = await start()
  if (!responder) throw new Error('somebody else holds a directory that was made this moment')
  t.teardown(async () => {
    const stopped = responder.stop().catch(() => undefined)
    // For connections that are still open.
    await clock.pass(5_000)
    await stopped
  })
  return {
    responder,
    directory,
    clock,
    kernel,
    sent,
    /** Another with the same options. */
    start,
    /** What comes to the queue, and what becomes of it. */
    queue: (packet: Uint8Array) => handle?.(packet, 1).verdict,
    /** So many packets are too many for the queue, and the kernel drops them. */
    lose: (packets: number) => (lost += packets),
    /** Over the socket. Not for what ends it: only the end of the process closes that connection. */
    ask: (message: ControlRequest) => request(directory.socket, message),
    /** The messages so far, without time, of one level or all. */
    said: (level?: string) =>
      log.recent
        .map((line) => line.split(' ').slice(1))
        .filter(([one]) => level === undefined || one === level)
        .map((words) => words.slice(level === undefined ? 0 : 1).join(' ')),
    /** The rules that the kernel has of ours. */
    rules: () => [...(kernel.table('iptables')?.keys() ?? [])].filter((chain) => chain.startsWith('CERTBOT-NFQ')),
  }
}

/** A client's connection, and the packets of a whole visit. */
export function visitOf(token: string, clientPort = 40_000) {
  const connection = new Connection({ clientPort })
  const text = `GET /.well-known/acme-challenge/${token} HTTP/1.1\r\nHost: a.example\r\n\r\n`
  const reply = toText(formatReply('GET', `${token}.print`))
  return {
    connection,
    text,
    reply,
    request: connection.packet({ text, flags: ACK | PSH }),
    /** Acknowledges the reply and its FIN, and closes. */
    end: connection.packet({ at: text.length, flags: ACK | FIN, ack: reply.length + 1 }),
  }
}

export function armRequest(token: string, more: Partial<ArmRequest & Http01Challenge> = {}): ArmRequest {
  return { op: 'arm', token, keyAuthorization: `${token}.print`, identifier: 'a.example', port: 80, ttl: 600, ...more }
}
