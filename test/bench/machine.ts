/** Describes the machine on which the figures were measured. */
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { run } from '../../src/lab/run.js'
import type { BenchLab } from './bench-lab.js'

/**
 * One line for each thing, without personal or host names. The responder tells which back end it uses; nothing is armed
 * before and after.
 */
export async function describeMachine(lab: BenchLab): Promise<string[]> {
  await lab.responder.arm(lab.challenge)
  const { firewall } = await lab.responder.status()
  await lab.responder.stop()
  return [
    `${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown processor'}), ${Math.round(totalmem() / 2 ** 30)} GB of memory`,
    `${type()} ${release()}, Node ${process.version}`,
    `${await firstLine('nginx', '-v')}, ${(await firstLine('wrk', '-v')).replace(/ \[.*/, '')}, ${await firstLine('iptables', '--version')}`,
    `rules by ${firewall?.name ?? 'nothing'}, selection \`${firewall?.selection ?? 'none'}\``,
    new Date().toISOString().slice(0, 10),
  ]
}

/** Some programs print their version on standard error, and end with 1 for it. */
async function firstLine(...argv: string[]): Promise<string> {
  const { stdout, stderr } = await run(argv, { reject: false })
  return `${stdout}${stderr}`.split('\n')[0] ?? ''
}
