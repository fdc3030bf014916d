/** The states of the server in which bystanders are measured. */
import type { BenchLab } from './bench-lab.js'
import { exchange } from './client-socket.js'
import { startFlood } from './wrk.js'

/** In words for a table; `unarmed`, which is what each is compared to, has the empty way in. */
export const stateNames = {
  again: 'unarmed, once more (the noise)',
  armed: 'armed',
  hundred: 'armed, 100 tokens',
  stopped: 'armed, responder stopped by SIGSTOP',
  floodedUnarmed: 'unarmed, under the flood',
  flooded: 'armed, under the flood',
  naive: 'naive rule: the whole port to the same responder',
} as const

export type StateName = keyof typeof stateNames

/** What the flood came to, and the true validations asked for meanwhile. */
export interface FloodRecord {
  /** Requests per second. */
  readonly rate: number
  readonly asked: number
  readonly answered: number
}

/** Undoes what brought the server into the state. */
export type Leave = () => Promise<FloodRecord | undefined>

/** Requests a second. */
const floodRate = 2_000
const validationInterval = 1_000
/** Pebble and Boulder wait 10 s and longer. */
const validationPatience = 10_000

/** Brings the server from unarmed into the state. */
export async function enter(lab: BenchLab, state: StateName): Promise<Leave> {
  switch (state) {
    case 'again':
      return () => Promise.resolve(undefined)
    case 'armed':
      await arm(lab)
      return () => disarm(lab)
    case 'hundred':
      await arm(lab, 99)
      return () => disarm(lab)
    case 'stopped':
      return enterStopped(lab)
    case 'floodedUnarmed':
      return enterFlood(lab)
    case 'flooded':
      return enterFloodArmed(lab)
    case 'naive':
      return enterNaive(lab)
  }
}

/** Throws when the server is not in the state that the results would name. */
async function arm(lab: BenchLab, others = 0): Promise<void> {
  await lab.responder.arm(lab.challenge, others)
  const { firewall } = await lab.responder.status()
  const tracked = firewall?.tracked.length === 0 ? 'off' : 'on'
  if (tracked !== lab.tracking)
    throw new Error(`connection tracking is to be ${lab.tracking}, and the responder found it ${tracked}`)
}

async function disarm(lab: BenchLab): Promise<undefined> {
  await lab.responder.stop()
}

async function enterStopped(lab: BenchLab): Promise<Leave> {
  await arm(lab)
  const { pid } = await lab.responder.status()
  process.kill(pid, 'SIGSTOP')
  return () => {
    process.kill(pid, 'SIGCONT')
    return disarm(lab)
  }
}

async function enterFlood(lab: BenchLab): Promise<Leave> {
  const flood = await startFlood(lab, `http://${lab.for.flood}/`, floodRate)
  return async () => ({ rate: await flood.stop(), asked: 0, answered: 0 })
}

async function enterFloodArmed(lab: BenchLab): Promise<Leave> {
  await arm(lab)
  const flood = await startFlood(lab, `http://${lab.for.flood}/`, floodRate)
  const replies: string[] = []
  const timer = setInterval(() => {
    replies.push(validate(lab))
  }, validationInterval)
  return async () => {
    clearInterval(timer)
    const rate = await flood.stop()
    await disarm(lab)
    return { rate, asked: replies.length, answered: replies.filter((reply) => reply === lab.challenge.reply).length }
  }
}

/** The reply to a true validation; empty when it could not even connect. */
function validate(lab: BenchLab): string {
  try {
    return exchange(lab.validator, { address: lab.for.validators, port: 80 }, lab.challenge.request, validationPatience)
      .reply
  } catch {
    return ''
  }
}

/** The rule of the nearest relative of this program, with our responder at the queue's other end. */
async function enterNaive(lab: BenchLab): Promise<Leave> {
  await arm(lab)
  const { queue } = await lab.responder.status()
  const rule = ['INPUT', '-p', 'tcp', '--dport', '80', '-j', 'NFQUEUE', '--queue-num', String(queue), '--queue-bypass']
  await lab.server.exec(['iptables', '-w', '-t', 'mangle', '-I', ...rule])
  return async () => {
    await lab.server.exec(['iptables', '-w', '-t', 'mangle', '-D', ...rule])
    return disarm(lab)
  }
}
