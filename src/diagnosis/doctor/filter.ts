/** Would the firewall of this machine let a validator in? This is a guess: it warns, and never fails. Pure. */
import { walk, type Table } from '../../rules-read/chains.js'
import { ok, unread, warn, type Finding } from './finding.js'
import type { Packet } from '../../rules-read/packet.js'

/** The hooks that a SYN to a server on this machine passes. */
const HOOKS = ['prerouting', 'input']

/**
 * Returns a finding for each packet that is dropped, or one that all is well. `silent` names what could not be read.
 */
export function judgeFilter(
  packets: readonly { readonly packet: Packet; readonly tables: readonly Table[] }[],
  silent: readonly string[],
): Finding[] {
  const findings = packets.flatMap(({ packet, tables }) => {
    const drop = firstDrop(tables)
    if (!drop) return []
    const what = `IPv${packet.version}: ${drop.where} drops new connections to port ${packet.port} (${drop.by})`
    const unless =
      drop.conditions.length === 0
        ? ''
        : `, unless a condition holds that cannot be judged here: ${drop.conditions.slice(0, 3).join('; ')}`
    return [
      warn(
        'filter',
        what + unless,
        `let the port in, as by: ufw allow ${packet.port}/tcp, firewall-cmd --add-port=${packet.port}/tcp, or an accept rule before that one`,
      ),
    ]
  })
  if (findings.length > 0) return findings
  if (silent.length > 0) return [unread('filter', silent)]
  return [
    ok(
      'filter',
      'no rule of this machine keeps new connections from the port (what a provider filters cannot be seen from here)',
    ),
  ]
}

function firstDrop(tables: readonly Table[]) {
  for (const hook of HOOKS) {
    for (const table of tables) {
      for (const [name, chain] of table.chains) {
        if (chain.hook !== hook || table.name === 'nat') continue
        const { verdict, by, conditions } = walk(table, name)
        if (verdict === 'drop') return { where: `${table.origin} ${name}`, by, conditions }
      }
    }
  }
  return undefined
}
