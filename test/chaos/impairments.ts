/** Ways in which the cable is bad. */
import type { Lab } from '../../src/lab/lab.js'
import type { Impairment } from './plan.js'

/**
 * The smallest MTU a host has to take (RFC 791), and that of IPv6 (RFC 8200, 5), below which Linux switches IPv6 off.
 */
const smallMtu = { 4: 576, 6: 1_280 } as const

const netem: Partial<Record<Impairment, readonly string[]>> = {
  loss: ['loss', '20%'],
  duplication: ['duplicate', '30%'],
  reordering: ['delay', '20ms', 'reorder', '60%', '50%'],
  delay: ['delay', '100ms'],
}

/**
 * Impairs both directions. Loss is by rules where there is no netem; they are the server's before the program comes.
 */
export async function impair(lab: Lab, impairment: Impairment, families: readonly (4 | 6)[]): Promise<void> {
  if (impairment === 'none') return
  for (const namespace of [lab.server, lab.validator]) {
    if (impairment === 'small MTU') {
      const mtu = smallMtu[families.includes(6) ? 6 : 4]
      await namespace.exec(['ip', 'link', 'set', namespace.device, 'mtu', String(mtu)])
    } else {
      const { exitCode } = await namespace.exec(
        ['tc', 'qdisc', 'add', 'dev', namespace.device, 'root', 'netem', ...(netem[impairment] ?? [])],
        { reject: false },
      )
      if (exitCode === 0) continue
      if (impairment !== 'loss') throw new Error(`no netem here for ${impairment}`)
      const lose = ['-m', 'statistic', '--mode', 'random', '--probability', '0.2', '-j', 'DROP']
      for (const program of ['iptables', 'ip6tables'])
        for (const protocol of ['tcp', 'udp']) {
          const rule = ['-i', namespace.device, '-p', protocol, ...lose]
          await namespace.exec([program, '-w', '-t', 'raw', '-A', 'PREROUTING', ...rule])
        }
    }
  }
}
