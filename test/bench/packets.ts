/**
 * Measures what the rules cost a bystander's packet: ACKs without payload, of one established connection, which the
 * server's kernel takes without an answer. A packet over veth is received by the processor that sends it, so the time
 * of sending includes that of receiving.
 */
import { closeSync } from 'node:fs'
import { http01Selector } from '../../src/challenge/http-01/selector.js'
import { installScript } from '../../src/firewall/iptables/script.js'
import { installLine, removeLine } from '../../src/firewall/nft/script.js'
import type { Ruleset } from '../../src/firewall/ruleset.js'
import { loadLibc } from '../../src/kernel/libc.js'
import { emitPacket } from '../../src/wire/packet.js'
import { ACK } from '../../src/wire/tcp.js'
import { makeSets } from '../kernel/sets-of-rules.js'
import * as at from '../scenarios/namespace-socket.js'
import type { BenchLab } from './bench-lab.js'
import { emptyComparison, type Comparison } from './figures.js'
import { port } from './web-server.js'

/** Ways to install the same ruleset, in words for a table. */
export const packetRules = {
  none: 'no rules, once more (the noise)',
  iptables: 'iptables, nft variant',
  iptablesJump: 'iptables, nft variant: only the jump to an empty chain',
  nft: 'nft',
  nftJump: 'nft: only the jump to an empty chain',
  legacy: 'iptables, legacy variant',
  legacyJump: 'iptables, legacy variant: only the jump to an empty chain',
} as const

export type PacketRules = keyof typeof packetRules

/** Nanoseconds a packet with the rules, and without them right before. */
export type PacketResults = Readonly<Record<PacketRules, Comparison>>

const IPPROTO_TCP = 6
const IPPROTO_RAW = 255
const SOCK_RAW = 3
/** tcp(7) and linux/tcp.h: a socket under repair tells its sequence numbers. */
const TCP_REPAIR = 19
const TCP_REPAIR_QUEUE = 20
const TCP_QUEUE_SEQ = 21
const RECEIVE_QUEUE = 1
const SEND_QUEUE = 2
const REPAIR_OFF_WITHOUT_PROBE = -1

/** A port below those that the kernel assigns by itself. */
let localPort = 20_000
const packetsAtOnce = 20_000

/** Measures; the server's other rules, if any, are those of the lab. */
export async function measurePackets(lab: BenchLab, rounds: number): Promise<PacketResults> {
  const names = Object.keys(packetRules) as PacketRules[]
  const results = Object.fromEntries(names.map((rules) => [rules, emptyComparison()])) as Record<
    PacketRules,
    ReturnType<typeof emptyComparison>
  >
  // Legacy last: what brings its table in does not take it away again.
  for (const rules of names) {
    // A new connection each time, or nginx closes it; the first round is not counted: caches, and the compiler.
    for (let round = 0; round <= rounds; round++) {
      const { send, close } = await openSender(lab)
      const baseline = nanoseconds(send)
      await install(lab, rules)
      const value = nanoseconds(send)
      await remove(lab, rules)
      close()
      if (round === 0) continue
      results[rules].baselines.push(baseline)
      results[rules].values.push(value)
    }
  }
  return results
}

/** The quickest of a few goes: what disturbs only ever adds. */
function nanoseconds(send: () => void): number {
  const goes = Array.from({ length: 3 }, () => {
    const start = performance.now()
    for (let packet = 0; packet < packetsAtOnce; packet++) send()
    return performance.now() - start
  })
  return (Math.min(...goes) / packetsAtOnce) * 1e6
}

function rulesetFor(lab: BenchLab): Ruleset {
  return {
    tag: 'bench',
    selectors: [http01Selector([port], ['evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA'])],
    queue: 65_535,
    mark: 0x400000,
    selection: 'prefilter',
    families: [{ version: 4, isTracked: lab.tracking === 'on' }],
  }
}

async function install(lab: BenchLab, rules: PacketRules): Promise<void> {
  const isTracked = lab.tracking === 'on'
  if (rules === 'none') return
  const isJump = rules.endsWith('Jump')
  if (isOfNft(rules)) {
    // Where the kernel has no `queue` for nft: no packet of these comes so far.
    const line = installLine(rulesetFor(lab), false).replaceAll(/queue flags bypass to \d+/g, 'accept')
    await lab.server.exec(['nft', '-f', '-'], {
      input: isJump ? line.replace(/chain select \{[^}]*\}/, 'chain select { }') : line,
    })
  } else {
    await makeSets(lab.server, 'bench', 4)
    const script = installScript(rulesetFor(lab), { version: 4, isTracked })
    await lab.server.exec([program(rules), '--noflush'], {
      input: isJump ? script.replace(/^-A CERTBOT-NFQ-bench .*\n/gm, '') : script,
    })
  }
}

async function remove(lab: BenchLab, rules: PacketRules): Promise<void> {
  if (rules === 'none') return
  if (isOfNft(rules)) await lab.server.exec(['nft', '-f', '-'], { input: removeLine('bench', [4]) })
  // The lab has nothing else in this table.
  else await lab.server.exec([program(rules)], { input: '*mangle\nCOMMIT\n' })
}

function isOfNft(rules: PacketRules): boolean {
  return rules === 'nft' || rules === 'nftJump'
}

function program(rules: PacketRules): string {
  return `iptables-${rules.startsWith('legacy') ? 'legacy' : 'nft'}-restore`
}

async function openSender({ validator, for: addresses }: BenchLab): Promise<{ send: () => void; close: () => void }> {
  const connection = at.socketIn(validator, at.AF_INET, at.SOCK_STREAM)
  localPort++
  at.bindTo(connection, at.internetAddress(validator.addresses.ipv4, localPort))
  at.connectTo(connection, at.internetAddress(addresses.bystanders, port))
  const { sequence, acknowledgment } = await numbersOf(connection)
  const [source, destination] = [validator.addresses.ipv4, addresses.bystanders].map(at.parseAddress)
  if (!source || !destination) throw new Error('an address of each side is needed')
  const raw = at.socketIn(validator, at.AF_INET, SOCK_RAW, IPPROTO_RAW)
  const packet = emitPacket(
    { version: 4, source, destination },
    {
      sourcePort: localPort,
      destinationPort: port,
      sequence,
      acknowledgment,
      flags: ACK,
      window: 1_000,
      payload: new Uint8Array(0),
    },
  )
  const to = at.internetAddress(addresses.bystanders, 0)
  return {
    send: () => {
      at.sendTo(raw, packet, to)
    },
    close: () => {
      closeSync(raw)
      closeSync(connection)
    },
  }
}

/** The connection's next sequence number and what it expects. */
async function numbersOf(fd: number): Promise<{ sequence: number; acknowledgment: number }> {
  const libc = await loadLibc()
  const next = (queue: number) => {
    at.setOption(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, queue)
    const value = new Uint32Array(1)
    if (
      libc.getsockopt(
        fd,
        IPPROTO_TCP,
        TCP_QUEUE_SEQ,
        new Uint8Array(value.buffer),
        new Uint8Array(Uint32Array.of(4).buffer),
      ) < 0
    )
      throw new Error('TCP_QUEUE_SEQ')
    return value[0] ?? 0
  }
  at.setOption(fd, IPPROTO_TCP, TCP_REPAIR, 1)
  const numbers = { sequence: next(SEND_QUEUE), acknowledgment: next(RECEIVE_QUEUE) }
  at.setOption(fd, IPPROTO_TCP, TCP_REPAIR, REPAIR_OFF_WITHOUT_PROBE)
  return numbers
}
