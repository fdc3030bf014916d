/**
 * Picks a back end by trying the real ruleset. A program that is installed may still need what the kernel does not
 * have.
 */
import { Failure, toFailure } from '../failure.js'
import { hasIptables, iptablesFirewall } from './iptables/iptables.js'
import { setsFor } from './iptables/sets.js'
import { hasNft, nftFirewall } from './nft/nft.js'
import { isLack } from './lack.js'
import type { Converse } from './conversation.js'
import { listNftTables } from './nft/listing.js'
import { tagOfTable } from './nft/names.js'
import type { IpSets } from '../kernel/ip-sets.js'
import type { Run } from './run.js'
import { FIREWALL_CHOICES, type BackEndName, type FirewallChoice, type IptablesName } from './choices.js'
import type { Firewall, Ruleset, Selection } from './ruleset.js'
import { isLegacyInUse } from './tracking-rules.js'

const BACK_ENDS = FIREWALL_CHOICES.filter((choice) => choice !== 'auto')

/** The back end that works, with the ruleset installed. */
export interface Chosen {
  readonly firewall: Firewall
  readonly selection: Selection
  /** Why this one was chosen: what was tried before it and failed. */
  readonly reason: string
}

/**
 * Installs the ruleset by the first way that works: each back end with the prefilter, then each without. It goes
 * without the prefilter only when kernel or program lacks something for it. A failure that may pass is no reason to
 * queue everybody's packets.
 * @throws Failure `firewall-unavailable`, `firewall-failed`, `firewall-busy`, `too-few-descriptors`
 */
export async function installFirst(
  choice: FirewallChoice,
  ruleset: Omit<Ruleset, 'selection'>,
  run: Run,
  sets: IpSets,
  converse?: Converse,
): Promise<Chosen> {
  const names = choice === 'auto' ? BACK_ENDS.filter(isThere) : [choice]
  const refusals: string[] = []
  let isLacking = true
  for (const selection of ['prefilter', 'port'] as const) {
    if (!isLacking) break
    for (const name of names) {
      const firewall =
        name === 'nft'
          ? nftFirewall(ruleset.tag, run, converse)
          : iptablesFirewall(name, ruleset.tag, run, sets, converse)
      try {
        await firewall.install({ ...ruleset, selection })
        return { firewall, selection, reason: refusals.length === 0 ? 'first choice' : refusals.join('; ') }
      } catch (thrown) {
        const failure = toFailure(thrown)
        refusals.push(`${name} (${selection}): ${failure.message}`)
        // The other back ends share that lock and would wait for it again. They would lack descriptors as well.
        if (failure.code === 'firewall-busy' || failure.code === 'too-few-descriptors')
          throw new Failure(failure.code, refusals.join('; '), { cause: thrown })
        if (!isLack(complaintOf(failure))) isLacking = false
      }
    }
  }
  if (!isLacking) throw new Failure('firewall-failed', `no rules could be installed: ${refusals.join('; ')}`)
  const why = names.length === 0 ? 'neither iptables nor nft is installed' : refusals.join('; ')
  throw new Failure('firewall-unavailable', `no firewall back end can queue packets here: ${why}`)
}

/** Returns all that a program printed, or else the failure's own message. */
function complaintOf({ message, cause }: Failure): string {
  return typeof cause === 'object' && cause !== null && 'stderr' in cause ? String(cause.stderr) : message
}

/** Returns whether a program is installed that could have made rules. */
export function hasBackEnd(): boolean {
  return BACK_ENDS.some(isThere)
}

function isThere(name: BackEndName): boolean {
  return name === 'nft' ? hasNft() : hasIptables(name)
}

/** Removes what a killed responder of this tag left, by any back end. @throws Failure `firewall-failed` */
export async function sweep(tag: string, run: Run, sets: IpSets): Promise<void> {
  // One listing shows nft's tables and those that iptables-nft keeps there. Usually there are none.
  const tables = await listNftTables(run)
  const variants: IptablesName[] = hasIptables('iptables-nft') ? ['iptables-nft'] : ['iptables']
  if (variants[0] === 'iptables-nft' && tables && !tables.includes('ip mangle') && !tables.includes('ip6 mangle'))
    variants.pop()
  if ((isLegacyInUse(4) || isLegacyInUse(6)) && hasIptables('iptables-legacy')) variants.push('iptables-legacy')
  const firewalls: Firewall[] = variants.filter(hasIptables).map((name) => iptablesFirewall(name, tag, run, sets))
  if (!tables || tables.some((table) => tagOfTable(table.split(' ')[1] ?? '') === tag))
    firewalls.push(nftFirewall(tag, run))
  await Promise.all(firewalls.map((firewall) => firewall.remove()))
  // Also where another program has taken away the rules, with their table.
  for (const { name } of ([4, 6] as const).flatMap((version) => setsFor(tag, version))) await sets.remove(name)
}
