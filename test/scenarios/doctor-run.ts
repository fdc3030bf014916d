/** Runs `certbot-nfq doctor` in a lab. */
import type { Finding } from '../../src/diagnosis/doctor/finding.js'
import type { Namespace } from '../../src/lab/lab.js'
import { inRepository } from '../../src/lab/repository.js'
import type { ArmedLab } from './armed-lab.js'

/** What stands before the command: a change of user, less rights. */
export interface Surroundings {
  readonly before?: readonly string[]
}

/** Runs `doctor --json` in the server's namespace; surroundings may stand last. */
export async function examine(
  lab: Pick<ArmedLab, 'server' | 'runDirectory'>,
  ...words: readonly (string | Surroundings)[]
): Promise<{ exitCode: number | undefined; findings: Finding[] }> {
  const options = words.filter((word) => typeof word === 'string')
  const { before = [] } = words.find((word) => typeof word === 'object') ?? {}
  const argv = [
    ...before,
    inRepository('hooks/certbot-nfq'),
    'doctor',
    '--json',
    '--run-dir',
    lab.runDirectory,
    ...options,
  ]
  const { exitCode, stdout, stderr } = await lab.server.exec(argv, { reject: false, timeout: 240_000 })
  if (stderr !== '') throw new Error(stderr)
  return { exitCode, findings: JSON.parse(stdout) as Finding[] }
}

/** Those of one check. */
export function find(findings: readonly Finding[], check: Finding['check']): Finding[] {
  return findings.filter((finding) => finding.check === check)
}

/** Adds the same rule to iptables and ip6tables, by one variant. */
export async function eachFamily(server: Namespace, variant: 'nft' | 'legacy', rule: readonly string[]): Promise<void> {
  for (const program of ['iptables', 'ip6tables']) await server.exec([`${program}-${variant}`, '-w', ...rule])
}
