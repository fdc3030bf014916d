/** The iptables back end: both families, nft variant or legacy. */
import { holdsRuleset, hookChains, installScript, removeScript, undoScript } from './iptables-script.js'
import type { IptablesName } from './choices.js'
import { listNftChains } from './nft-listing.js'
import { isProgram, runOrFail, type Run } from './run.js'
import type { Firewall, IpVersion, Ruleset } from './ruleset.js'

/** Seconds to wait for the lock that iptables processes share. */
const WAIT = ['-w', '10']

const FAMILIES = [4, 6] as const

/** What is installed in one family, and which of mangle's own chains were not there before. */
interface Installed {
  readonly version: IpVersion
  readonly isTracked: boolean
  readonly newChains: readonly string[]
}

/** `tag` as in Ruleset. */
export function iptablesFirewall(name: IptablesName, tag: string, run: Run): Firewall {
  let installed: readonly Installed[] = []
  let ruleset: Ruleset | undefined
  return {
    name,
    install: async (wanted) => {
      ruleset = wanted
      const done = await Promise.allSettled(
        wanted.families.map(async ({ version, isTracked }): Promise<Installed> => {
          const before = installed.find((family) => family.version === version && family.isTracked === isTracked)
          const newChains = before?.newChains ?? (await missingChains(version, hookChains(isTracked), run))
          await restore(name, version, installScript(wanted, version, isTracked, before !== undefined), run)
          return { version, isTracked, newChains }
        }),
      )
      installed = done.flatMap((family) => (family.status === 'fulfilled' ? [family.value] : []))
      const refused = done.find((family) => family.status === 'rejected')
      if (!refused) return
      await remove()
      throw refused.reason
    },
    remove,
    isInstalled: async () => {
      if (!ruleset) return false
      const wanted = ruleset
      const held = installed.map(async ({ version, isTracked }) =>
        holdsRuleset(await runOrFail(run, [command(name, version, 'save')]), wanted, version, isTracked),
      )
      return (await Promise.all(held)).every(Boolean)
    },
  }

  async function remove(): Promise<void> {
    const known = ruleset && { ruleset, families: installed }
    installed = []
    ruleset = undefined
    const versions = FAMILIES.filter((version) => isProgram(command(name, version, 'save')))
    await Promise.all(
      versions.map(async (version) => {
        const family = known?.families.find((installed) => installed.version === version)
        if (known && !family) return
        const isUndone = known && family && (await undo(name, known.ruleset, family, run))
        if (!isUndone) await removeFamily(name, version, tag, family?.newChains ?? [], run)
      }),
    )
  }
}

/** Whether the programs of a back end are there. */
export function hasIptables(name: IptablesName): boolean {
  return isProgram(command(name, 4, 'restore'))
}

/** The quick way, for rules as we have left them; false when they are not. */
async function undo(name: IptablesName, ruleset: Ruleset, { version, isTracked, newChains }: Installed, run: Run): Promise<boolean> {
  const { exitCode } = await run([command(name, version, 'restore'), '--noflush', ...WAIT], undoScript(ruleset, isTracked, newChains))
  return exitCode === 0
}

/** `newChains`: built-in ones to take away as well if they are empty then. */
async function removeFamily(name: IptablesName, version: IpVersion, tag: string, newChains: readonly string[], run: Run): Promise<void> {
  // Without -t it prints the tables there are; with it, legacy iptables would bring the table in first.
  const script = removeScript(await runOrFail(run, [command(name, version, 'save')]), tag)
  if (script) await restore(name, version, script, run)
  for (const chain of newChains) await run([command(name, version), ...WAIT, '-t', 'mangle', '-X', chain])
}

/** One transaction on the rules of a family. */
async function restore(name: IptablesName, version: IpVersion, script: string, run: Run): Promise<void> {
  await runOrFail(run, [command(name, version, 'restore'), '--noflush', ...WAIT], script)
}

/**
 * The nft variant makes mangle's INPUT and FORWARD when first used; those we take away again once they are empty (the kernel refuses
 * otherwise). Legacy has all or none, and cannot take a table away; nft(8) does not show it, so it counts as having them.
 */
async function missingChains(version: IpVersion, hooks: readonly string[], run: Run): Promise<string[]> {
  const chains = await listNftChains(version, 'mangle', run)
  return chains ? hooks.filter((chain) => !chains.includes(chain)) : []
}

/** `iptables`, `ip6tables-legacy-save`, `iptables-nft-restore` and so on. */
function command(name: IptablesName, version: IpVersion, verb?: 'save' | 'restore'): string {
  const variant = name.slice('iptables'.length)
  return [version === 4 ? 'iptables' : 'ip6tables', variant, verb && `-${verb}`].filter(Boolean).join('')
}
