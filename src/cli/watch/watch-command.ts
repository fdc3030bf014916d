/** `certbot-nfq watch`: shows who requests challenges and what is answered. It forges and installs nothing. */
import { assemble } from '../../firewall/bpf/program.js'
import { portProgram } from '../../firewall/bpf/port-program.js'
import { findAccount } from '../../kernel/account.js'
import { openPacketCapture } from '../../kernel/packet-capture.js'
import { dropAllPrivileges } from '../../kernel/privileges.js'
import { Watcher } from '../../watch/watcher.js'
import { showsColour } from '../colour.js'
import type { Options } from '../options.js'
import { jsonView, tableView, type WatchView } from './watch-view.js'

/**
 * The bytes of a packet that are looked at. They hold the head of a response, even of one that the kernel has not cut
 * into segments yet.
 */
const PACKET_BYTES = 16_384

/**
 * Watches until SIGINT, SIGTERM or SIGHUP, or until nobody reads its output.
 * @throws Failure
 */
export async function watchCommand({ port, user }: Options, isJson: boolean): Promise<void> {
  const named = user === undefined ? undefined : findAccount(user)
  const capture = await openPacketCapture(assemble(portProgram(port, PACKET_BYTES)), PACKET_BYTES)
  await forbidDebugger()
  // From here on it reads what anybody on the network sends.
  if (process.getuid?.() === 0 && named?.uid !== 0) await dropAllPrivileges(named)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, capture.stop)
  process.stdout.on('error', capture.stop)
  const view = isJson || !process.stdout.isTTY ? jsonView(port, write) : tableView(port, terminal, write)
  await watch(new Watcher(port), capture, view)
}

async function watch(
  watcher: Watcher,
  capture: Awaited<ReturnType<typeof openPacketCapture>>,
  view: WatchView,
): Promise<void> {
  let countedAt = performance.now()
  const rest = () => {
    view.show(watcher.tick(Date.now()))
    // This is asked once a second. On a busy port something is missed at every look.
    const missed = performance.now() - countedAt < 1_000 ? undefined : capture.missed()
    if (missed !== undefined) countedAt = performance.now()
    if (missed) view.showMissed(missed)
    view.draw()
  }
  await capture.run((packet, at) => view.show(watcher.take(packet, at)), rest)
  view.show(watcher.finish(Date.now()))
  view.draw()
}

/**
 * Takes Node's debugger away: no signal starts it any more, and one that runs is closed. Whoever connects to it acts as
 * this process, and its port is open to everybody on the machine. To be called before root is given up.
 */
async function forbidDebugger(): Promise<void> {
  process.on('SIGUSR1', () => undefined)
  // A Node may be built without it.
  const inspector = await import('node:inspector').catch(() => undefined)
  if (inspector?.url() !== undefined) inspector.close()
}

function write(text: string): void {
  process.stdout.write(text)
}

function terminal(): { columns: number; lines: number; isColoured: boolean } {
  return {
    columns: process.stdout.columns || 80,
    lines: process.stdout.rows || 24,
    isColoured: showsColour(process.stdout, process.env),
  }
}
