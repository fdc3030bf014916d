/** Rules of the server's own, which switch connection tracking on. */
import type { Namespace } from '../../src/lab/lab.js'

/** One stateful rule in each family: the least that makes the kernel track connections. */
export async function trackInvalid(server: Namespace): Promise<void> {
  await restore(server, 'iptables', ['-A INPUT -m conntrack --ctstate INVALID -j DROP'])
  await restore(server, 'ip6tables', ['-A INPUT -m conntrack --ctstate INVALID -j DROP'])
}

/** A stateful rule that drops nothing: what connection tracking takes for invalid reaches the server. */
export async function trackNew(server: Namespace): Promise<void> {
  await restore(server, 'iptables', ['-A INPUT -m conntrack --ctstate NEW -j ACCEPT'])
  await restore(server, 'ip6tables', ['-A INPUT -m conntrack --ctstate NEW -j ACCEPT'])
}

/**
 * Nothing comes in or goes out, or through, but what belongs to a connection that a client has opened to port 80; and
 * what IPv6 cannot do without. The loopback interface is shut as well.
 */
export async function harden(server: Namespace): Promise<void> {
  const rules = [
    ...['INPUT', 'FORWARD', 'OUTPUT'].flatMap((chain) => [
      `-P ${chain} DROP`,
      `-A ${chain} -m conntrack --ctstate INVALID -j DROP`,
      `-A ${chain} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT`,
    ]),
    '-A INPUT -p tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT',
    '-A FORWARD -p tcp -m conntrack --ctorigdstport 80 --ctstate NEW -j ACCEPT',
  ]
  await restore(server, 'iptables', rules)
  await restore(server, 'ip6tables', [...rules, '-A INPUT -p ipv6-icmp -j ACCEPT', '-A OUTPUT -p ipv6-icmp -j ACCEPT'])
}

/** Opens the loopback interface again. */
export async function accept(server: Namespace): Promise<void> {
  for (const program of ['iptables', 'ip6tables'])
    await restore(server, program, ['-A INPUT -i lo -j ACCEPT', '-A OUTPUT -o lo -j ACCEPT'])
}

/** Exempts port 80 from tracking, on a server that tracks. */
export async function exempt(server: Namespace): Promise<void> {
  await trackInvalid(server)
  for (const program of ['iptables', 'ip6tables']) {
    const rules = [
      '-A PREROUTING -p tcp --dport 80 -j CT --notrack',
      '-A OUTPUT -p tcp --sport 80 -j CT --notrack',
      '-A OUTPUT -p tcp --dport 80 -j CT --notrack',
    ]
    await restore(server, program, [...rules, '-A PREROUTING -p tcp --sport 80 -j CT --notrack'], 'raw')
  }
}

/** How many connections the kernel tracks in a namespace. */
export async function trackedConnections(server: Namespace): Promise<number> {
  // Where nothing has ever been tracked the kernel may not have loaded the module, and nothing is tracked.
  return Number((await server.exec(['cat', '/proc/sys/net/netfilter/nf_conntrack_count'], { reject: false })).stdout)
}

async function restore(server: Namespace, program: string, rules: readonly string[], table = 'filter'): Promise<void> {
  const policies = rules.flatMap((rule) => (rule.startsWith('-P ') ? [`:${rule.slice(3)} [0:0]`] : []))
  const lines = [`*${table}`, ...policies, ...rules.filter((rule) => !rule.startsWith('-P ')), 'COMMIT', '']
  await server.exec([`${program}-restore`, '--noflush'], { input: lines.join('\n') })
}
