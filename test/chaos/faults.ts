/** Faults of the responder and the machine, while the runs go on. */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { signal } from '../../src/lab/processes.js'
import { run } from '../../src/lab/run.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { startWebServer } from '../../src/lab/web-server.js'
import { startDnsServer } from '../scenarios/dns-server.js'
import type { Fault, FaultKind } from './plan.js'
import { onPort443, type Span, type World } from './world.js'

/** Makes the planned faults, each at its time. Returns the kinds of those that hit something. */
export async function befallAll(world: World): Promise<FaultKind[]> {
  const done = await Promise.all(
    world.plan.faults.map(async (fault) => {
      await delay(fault.at * world.means.pace)
      return (await befall[fault.kind](world, fault)) ? [fault.kind] : []
    }),
  )
  return done.flat()
}

/** Returns false when there was nothing to hit. */
type Befall = (world: World, fault: Fault) => Promise<boolean>

const befall: Readonly<Record<FaultKind, Befall>> = {
  'kill responder': (world) => endResponder(world, 'SIGKILL', false),
  'kill responder and keeper': (world) => endResponder(world, 'SIGKILL', true),
  'terminate responder': (world) => endResponder(world, 'SIGTERM', false),
  'kill keeper': async (world) => {
    const pid = await pidOf(world, 'keeper')
    if (pid === undefined) return false
    world.note(`SIGKILL to keeper ${pid}`)
    signal(pid, 'SIGKILL')
    return true
  },
  'stop responder': async (world, { amount }) => {
    const pid = await pidOf(world, 'responder')
    if (pid === undefined) return false
    // Not as long as a hook needs to be certain that it hangs.
    const time = Math.min(amount * world.means.pace, 2_000)
    world.note(`SIGSTOP to responder ${pid} for ${time} ms`)
    signal(pid, 'SIGSTOP')
    await delay(time)
    signal(pid, 'SIGCONT')
    world.note(`SIGCONT to responder ${pid}`)
    return true
  },
  'restart web server': async (world) => {
    const span = { from: performance.now(), to: Infinity }
    world.restarts.push(span)
    if (world.restarts.length > 1) return false
    world.note('web server: stops')
    const { webServer, tlsServer, dnsServer } = world
    await Promise.all([webServer.service, tlsServer?.service, dnsServer].map(async (service) => service?.stop()))
    world.restarted = startServers(world)
    // It is awaited later, and its failure told then.
    world.restarted.catch(() => undefined)
    return true
  },
  'step clock': async (world, { amount }) => {
    world.note(`clock: ${amount} s`)
    await run(['date', '-s', `@${Math.floor(Date.now() / 1000) + amount}`])
    return true
  },
}

async function startServers(world: World): Promise<void> {
  const { lab, tlsServer, dnsServer } = world
  world.webServer = await startAgain(world, () => startWebServer(lab))
  if (tlsServer) world.tlsServer = await startAgain(world, () => startWebServer(lab, onPort443))
  if (dnsServer) world.dnsServer = await startAgain(world, () => startDnsServer(lab.server, 53))
  world.note('web server: back')
  for (const each of world.restarts) each.to = performance.now()
}

/**
 * Starts a server as a service manager does, which tries again. What is armed meanwhile finds that nobody listens. Then
 * the responder has the port until the end of the challenge, which a hook that was killed leaves to the end of the
 * cycle.
 */
async function startAgain<Server>(world: World, start: () => Promise<Server>): Promise<Server> {
  const giveUpAt = performance.now() + 60_000 * world.means.pace
  for (;;) {
    try {
      return await start()
    } catch (error) {
      if (!/Address already in use|EADDRINUSE/.test(String(error)) || performance.now() > giveUpAt) throw error
      world.note('a server: its port is taken')
    }
  }
}

async function endResponder(world: World, name: 'SIGKILL' | 'SIGTERM', alsoKeeper: boolean): Promise<boolean> {
  const pid = await pidOf(world, 'responder')
  if (pid === undefined) return false
  const death: Span = { from: performance.now(), to: Infinity }
  world.deaths.push(death)
  if (alsoKeeper) signal(parentOf(pid), 'SIGKILL')
  signal(pid, name)
  world.note(`${name} to responder ${pid}${alsoKeeper ? ' and its keeper' : ''}`)
  // Drained, it has two seconds; a stopped one ends when it is continued.
  await waitUntil(() => !isResponder(pid), `responder ${pid} to end`, 20_000 * world.means.pace).catch(
    (error: unknown) => world.violate(String(error)),
  )
  death.to = performance.now()
  world.note(`responder ${pid} is gone`)
  return true
}

async function pidOf({ lab }: World, role: 'responder' | 'keeper'): Promise<number | undefined> {
  const processes = await lab.server.processes()
  const keepers = new Set(processes.filter(({ command }) => /hooks\/keep /.test(command)).map(({ pid }) => pid))
  // A keeper's child that looks like it watches over the responder.
  const isOne = (pid: number, command: string) =>
    role === 'responder'
      ? isResponderCommand.test(command) && !keepers.has(pid)
      : keepers.has(pid) && !keepers.has(parentOf(pid))
  return processes.findLast(({ command, pid }) => isOne(pid, command) && parentOf(pid) !== 0)?.pid
}

const isResponderCommand = /responder\.cjs (?:background|foreground) /

/** A killed one that its parent has not asked after yet has no command line any more. */
function isResponder(pid: number): boolean {
  try {
    return isResponderCommand.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '))
  } catch {
    return false
  }
}

function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}
