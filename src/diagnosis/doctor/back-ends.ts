/** The firewall programs that are installed, and which of them a trial may use. */
import { FIREWALL_CHOICES, type BackEndName, type FirewallChoice } from '../../firewall/choices.js'
import { hasIptables } from '../../firewall/iptables/iptables.js'
import { hasNft } from '../../firewall/nft/nft.js'
import type { Run } from '../../firewall/run.js'
import { isLegacyInUse } from '../../firewall/tracking-rules.js'

/** A back end that is installed. */
export interface BackEnd {
  readonly name: BackEndName
  /** As the program prints it: `1.8.9 (nf_tables)`. */
  readonly version: string
  readonly isLegacy: boolean
}

/** Returns the installed back ends in the order in which `auto` tries them. */
export async function readBackEnds(run: Run): Promise<BackEnd[]> {
  const names = FIREWALL_CHOICES.filter((choice) => choice !== 'auto').filter((name) =>
    name === 'nft' ? hasNft() : hasIptables(name),
  )
  return Promise.all(
    names.map(async (name) => {
      const { exitCode, stdout } = await run([name, '-V'])
      const version = exitCode === 0 ? readVersion(stdout) : 'of unknown version'
      return { name, version, isLegacy: name !== 'nft' && !version.includes('nf_tables') }
    }),
  )
}

/**
 * Reads `iptables v1.8.9 (nf_tables)` or `nftables v1.0.6 (Lester Gooch #5)`. Returns the number, and the variant of
 * iptables.
 */
export function readVersion(text: string): string {
  const [, number = 'of unknown version', variant] = /v(\d[\w.]*)(?: (\((?:nf_tables|legacy)\)))?/.exec(text) ?? []
  return variant === undefined ? number : `${number} ${variant}`
}

/** Returns whether legacy iptables has tables here already. */
export function readLegacyUse(): boolean {
  return isLegacyInUse(4) || isLegacyInUse(6)
}

/**
 * Returns the back ends to try, and those to try only when no other works. A host that has no legacy tables must not
 * get them from a check.
 */
export function planTrial(
  choice: FirewallChoice,
  there: readonly BackEnd[],
  isLegacyUsed: boolean,
): { backEnds: BackEndName[]; lastResort: BackEndName[] } {
  if (choice !== 'auto') return { backEnds: [choice], lastResort: [] }
  const isLastResort = ({ isLegacy }: BackEnd) => isLegacy && !isLegacyUsed
  return {
    backEnds: there.filter((one) => !isLastResort(one)).map(({ name }) => name),
    lastResort: there.filter(isLastResort).map(({ name }) => name),
  }
}
