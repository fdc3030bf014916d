/** The iptables back end: both families, nft variant or legacy. */
import { Failure } from '../failure.js'
import { chainName, holdsRuleset, installScript, removeScript } from './iptables-script.js'
import { isProgram, runOrFail, type Run } from './run.js'
import type { IptablesName } from './choices.js'
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
      const next: Installed[] = []
      try {
        for (const { version, isTracked } of wanted.families) {
          const before = installed.find((family) => family.version === version && family.isTracked === isTracked)
          if (!before) await removeFamily(name, version, tag, run)
          const newChains = before?.newChains ?? (await missingChains(version, run))
          next.push({ version, isTracked, newChains })
          const script = installScript(wanted, version, isTracked, before !== undefined)
          await runOrFail(run, [command(name, version, 'restore'), '--noflush', ...WAIT], script)
        }
        installed = next
        ruleset = wanted
      } catch (thrown) {
        installed = next
        throw thrown
      }
    },
    remove: async () => {
      for (const version of FAMILIES) {
        if (!isProgram(command(name, version, 'save'))) continue
        await removeFamily(name, version, tag, run)
        const newChains = installed.find((family) => family.version === version)?.newChains ?? []
        for (const chain of newChains) await run([command(name, version), ...WAIT, '-t', 'mangle', '-X', chain])
      }
      installed = []
      ruleset = undefined
    },
    isInstalled: async () => {
      if (!ruleset) return false
      const wanted = ruleset
      const held = installed.map(async ({ version, isTracked }) =>
        holdsRuleset(await runOrFail(run, [command(name, version, 'save')]), wanted, version, isTracked),
      )
      return (await Promise.all(held)).every(Boolean)
    },
  }
}

/** Whether the programs of a back end are there. */
export function hasIptables(name: IptablesName): boolean {
  return isProgram(command(name, 4, 'restore'))
}

async function removeFamily(name: IptablesName, version: IpVersion, tag: string, run: Run): Promise<void> {
  const save = command(name, version, 'save')
  // Without -t it prints the tables there are; with it, legacy iptables would bring the table in first.
  const script = removeScript(await runOrFail(run, [save]), tag)
  if (script) await runOrFail(run, [command(name, version, 'restore'), '--noflush', ...WAIT], script)
  const left = script && removeScript(await runOrFail(run, [save]), tag)
  if (left) throw new Failure('firewall-failed', `${save} still shows rules of ${chainName(tag)}`)
}

/**
 * The nft variant makes mangle's INPUT and FORWARD when first used; those we take away again once they are empty (the kernel refuses
 * otherwise). Legacy has all or none, and cannot take a table away; nft(8) does not show it, so it counts as having them.
 */
async function missingChains(version: IpVersion, run: Run): Promise<string[]> {
  if (!isProgram('nft')) return []
  const { exitCode, stdout } = await run(['nft', 'list', 'table', version === 4 ? 'ip' : 'ip6', 'mangle'])
  return ['INPUT', 'FORWARD'].filter((chain) => exitCode !== 0 || !stdout.includes(`chain ${chain} {`))
}

/** `iptables`, `ip6tables-legacy-save`, `iptables-nft-restore` and so on. */
function command(name: IptablesName, version: IpVersion, verb?: 'save' | 'restore'): string {
  const variant = name.slice('iptables'.length)
  return [version === 4 ? 'iptables' : 'ip6tables', variant, verb && `-${verb}`].filter(Boolean).join('')
}
