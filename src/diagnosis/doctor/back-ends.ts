/** The firewall programs there are, and which of them a trial may touch. */
import { FIREWALL_CHOICES, type BackEndName, type FirewallChoice } from '../../firewall/choices.js'
import { hasIptables } from '../../firewall/iptables/iptables.js'
import { hasNft } from '../../firewall/nft/nft.js'
import type { Run } from '../../firewall/run.js'
import { isLegacyInUse } from '../../firewall/tracking-rules.js'

export interface BackEnd {
  readonly name: BackEndName
  /** As the program tells it: `1.8.9 (nf_tables)`. */
  readonly version: string
  readonly isLegacy: boolean
}

/** Those installed, in the order in which `auto` tries them. */
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

/** `iptables v1.8.9 (nf_tables)`, `nftables v1.0.6 (Lester Gooch #5)`: the number, and which variant of iptables. */
export function readVersion(text: string): string {
  const [, number = 'of unknown version', variant] = /v(\d[\w.]*)(?: (\((?:nf_tables|legacy)\)))?/.exec(text) ?? []
  return variant === undefined ? number : `${number} ${variant}`
}

/** Whether legacy iptables holds tables here already. */
export function readLegacyUse(): boolean {
  return isLegacyInUse(4) || isLegacyInUse(6)
}

/**
 * Which to try, and which only if nothing else works: a host that has no legacy tables must not get them by our
 * looking.
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
