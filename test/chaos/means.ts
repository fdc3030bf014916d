/** What this kernel and its programs offer to make chaos with. */
import type { FirewallChoice } from '../../src/firewall/choices.js'
import { run } from '../../src/lab/run.js'

/** Tried out, not guessed. */
export interface Means {
  /** Back ends that can queue packets here. */
  readonly firewalls: readonly FirewallChoice[]
  /** Whether links can delay, duplicate and reorder; without it they lose (xt_statistic) and have a small MTU only. */
  readonly hasNetem: boolean
  /** The clock belongs to the whole machine: it is stepped only where that is a virtual one of our own. */
  readonly mayStepClock: boolean
  /** How many times slower than a real processor this one is: all times are multiplied by it. */
  readonly pace: number
}

/** Tries everything in namespaces that are gone at once. */
export async function findMeans(): Promise<Means> {
  const isVirtualMachine = process.env['CERTBOT_NFQ_VM'] === '1'
  const firewalls: FirewallChoice[] = []
  for (const name of ['iptables-nft', 'iptables-legacy'] as const) {
    const rule = ['-t', 'mangle', '-A', 'INPUT', '-p', 'tcp', '-j', 'NFQUEUE', '--queue-num', '0', '--queue-bypass']
    if (await works([name, ...rule])) firewalls.push(name)
  }
  const script =
    'add table ip t; add chain ip t c { type filter hook input priority 0; }; add rule ip t c queue flags bypass to 1'
  if (await works(['nft', script])) firewalls.push('nft')
  if (firewalls.length === 0) throw new Error('no firewall here can queue packets')
  return {
    firewalls,
    hasNetem: await works(['tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms']),
    mayStepClock: isVirtualMachine,
    pace: isVirtualMachine ? 6 : 1,
  }
}

async function works(argv: readonly string[]): Promise<boolean> {
  return (await run(['unshare', '--net', '--', ...argv], { reject: false })).exitCode === 0
}
