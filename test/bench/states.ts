/** The states of the server in which bystanders are measured. */
import type { BenchLab } from './bench-lab.js'

/** In words for a table; `unarmed`, which is what each is compared to, has the empty way in. */
export const stateNames = {
  again: 'unarmed, once more (the noise)',
  armed: 'armed',
  hundred: 'armed, 100 tokens',
  thousand: 'armed, 1,000 tokens',
  stopped: 'armed, responder stopped by SIGSTOP',
  naive: 'naive rule: the whole port to the same responder',
} as const

export type StateName = keyof typeof stateNames

/** Undoes what brought the server into the state. */
export type Leave = () => Promise<void>

/** Brings the server from unarmed into the state. */
export async function enter(lab: BenchLab, state: StateName): Promise<Leave> {
  switch (state) {
    case 'again':
      return () => Promise.resolve()
    case 'armed':
      await armIn(lab)
      return () => lab.responder.stop()
    case 'hundred':
      await armIn(lab, 99)
      return () => lab.responder.stop()
    case 'thousand':
      await armIn(lab, 999)
      return () => lab.responder.stop()
    case 'stopped':
      return enterStopped(lab)
    case 'naive':
      return enterNaive(lab)
  }
}

/** Arms the lab's challenge. Throws when the server is not in the state that the results would name. */
export async function armIn(lab: BenchLab, others = 0): Promise<void> {
  await lab.responder.arm(lab.challenge, others)
  const { firewall } = await lab.responder.status()
  const tracked = firewall?.tracked.length === 0 ? 'off' : 'on'
  if (tracked !== lab.tracking)
    throw new Error(`connection tracking is to be ${lab.tracking}, and the responder found it ${tracked}`)
}

async function enterStopped(lab: BenchLab): Promise<Leave> {
  await armIn(lab)
  const { pid } = await lab.responder.status()
  process.kill(pid, 'SIGSTOP')
  return () => {
    process.kill(pid, 'SIGCONT')
    return lab.responder.stop()
  }
}

/** The rule of the nearest relative of this program, with our responder at the queue's other end. */
async function enterNaive(lab: BenchLab): Promise<Leave> {
  await armIn(lab)
  const { queue } = await lab.responder.status()
  const rule = ['INPUT', '-p', 'tcp', '--dport', '80', '-j', 'NFQUEUE', '--queue-num', String(queue), '--queue-bypass']
  await lab.server.exec(['iptables', '-w', '-t', 'mangle', '-I', ...rule])
  return async () => {
    await lab.server.exec(['iptables', '-w', '-t', 'mangle', '-D', ...rule])
    return lab.responder.stop()
  }
}
