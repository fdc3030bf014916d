/** The iptables back end: both families, nft variant or legacy. */
import { toFailure } from '../../failure.js'
import {
  changeScript,
  followedSet,
  holdsRuleset,
  hookChains,
  installScript,
  removeScript,
  unarmedIn,
  undoScript,
} from './script.js'
import type { FirewallChoice, IptablesName } from '../choices.js'
import type { IpSets } from '../../kernel/ip-sets.js'
import { listNftChains } from '../nft/listing.js'
import { isLegacyIptables } from '../program-path.js'
import { isProgram, runOrFail, type Run } from '../run.js'
import { differsInKeysOnly, FOLLOWED_SECONDS, Tally, type Firewall, type Presence, type Ruleset } from '../ruleset.js'
import type { IpVersion } from '../../wire/ip.js'

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
export function iptablesFirewall(name: IptablesName, tag: string, run: Run, sets: IpSets): Firewall {
  const installed = new Map<IpVersion, Installed>()
  let ruleset: Ruleset | undefined
  const counted = new Map<IpVersion, Tally>()
  return {
    name,
    install,
    remove,
    presence,
    get unarmed() {
      return [...counted.values()].reduce((all, { sum }) => all + sum, 0)
    },
  }

  async function install(wanted: Ruleset): Promise<void> {
    const before = ruleset
    ruleset = wanted
    if (before && differsInKeysOnly(before, wanted) && (await changeKeys(wanted))) return
    const done = await Promise.allSettled(wanted.families.map((family) => installFamily(wanted, family)))
    const refused = done.find((family) => family.status === 'rejected')
    if (!refused) return
    if (before) {
      ruleset = before
      await Promise.allSettled(before.families.map((family) => installFamily(before, family)))
    } else {
      // What cannot be removed now is remembered as installed.
      await remove().catch(() => undefined)
    }
    throw refused.reason
  }

  /** Returns false where another program has changed the rules, so that they have to be installed for it. */
  async function changeKeys(wanted: Ruleset): Promise<boolean> {
    if (wanted.selection === 'port') return true
    const changes = wanted.families.map(async ({ version, isTracked }) => {
      if (!installed.has(version)) throw new Error('not installed')
      await restore(name, version, changeScript(wanted, version, isTracked), run)
    })
    return (await Promise.allSettled(changes)).every(({ status }) => status === 'fulfilled')
  }

  async function installFamily(wanted: Ruleset, { version, isTracked }: Ruleset['families'][number]): Promise<void> {
    const before = installed.get(version)
    if (wanted.selection === 'prefilter')
      await sets.make(followedSet(tag, version), version, FOLLOWED_SECONDS.incomplete)
    const missing = await missingChains(version, hookChains(isTracked), run)
    // Another program may have taken jumps away, or whole chains.
    const saved = before && (await saveMangle(version))
    await restore(name, version, installScript(wanted, version, isTracked, saved), run)
    installed.set(version, { version, isTracked, newChains: [...new Set([...(before?.newChains ?? []), ...missing])] })
  }

  function saveMangle(version: IpVersion): Promise<string> {
    return runOrFail(run, [command(name, version, 'save'), '-t', 'mangle'])
  }

  /** Returns the rules as they are. */
  async function countUnarmed(version: IpVersion): Promise<string> {
    const saved = await runOrFail(run, [command(name, version, 'save'), '-c', '-t', 'mangle'])
    const tally = counted.get(version) ?? new Tally()
    counted.set(version, tally)
    tally.note(unarmedIn(saved, tag))
    return saved
  }

  async function remove(): Promise<void> {
    // Without a ruleset of our own it is a predecessor's rules that are looked for, in both families.
    const versions: readonly IpVersion[] = ruleset
      ? ruleset.families.map(({ version }) => version)
      : FAMILIES.filter((version) => isProgram(command(name, version, 'save')))
    const done = await Promise.allSettled(versions.map(uninstallFamily))
    const refused = done.find((family) => family.status === 'rejected')
    if (refused) throw refused.reason
    ruleset = undefined
  }

  async function uninstallFamily(version: IpVersion): Promise<void> {
    const family = installed.get(version)
    const isUndone = ruleset && family && (await undo(name, ruleset, family, run))
    if (!isUndone) await removeFamily(name, version, tag, family, run)
    // Only now, for no set goes that a rule names.
    await sets.remove(followedSet(tag, version))
    installed.delete(version)
  }

  async function presence(): Promise<Presence> {
    const wanted = ruleset
    if (!wanted) return 'broken'
    const held = wanted.families.map(
      async ({ version, isTracked }) =>
        installed.has(version) && holdsRuleset(await countUnarmed(version), wanted, version, isTracked),
    )
    const looks = await Promise.allSettled(held)
    if (looks.some((look) => look.status === 'fulfilled' && !look.value)) return 'broken'
    const failed = looks.find((look) => look.status === 'rejected')
    return failed ? { unknown: toFailure(failed.reason).message } : 'whole'
  }
}

/** Whether this command takes the lock that legacy iptables processes share; one that only looks does not. */
export function changesLegacyTables([program = '']: readonly string[]): boolean {
  return isLegacyIptables(program) && !program.endsWith('-save')
}

/** Whether a responder of this choice will use legacy iptables, as far as that can be told before it has tried. */
export function needsLegacyIptables(choice: FirewallChoice): boolean {
  if (choice === 'auto') return !isProgram('nft') && isLegacyIptables('iptables')
  return choice !== 'nft' && isLegacyIptables(choice)
}

/** Whether the programs of a back end are there. */
export function hasIptables(name: IptablesName): boolean {
  return isProgram(command(name, 4, 'restore'))
}

/** The quick way, for rules as we have left them; false when they are not. */
async function undo(
  name: IptablesName,
  ruleset: Ruleset,
  { version, isTracked, newChains }: Installed,
  run: Run,
): Promise<boolean> {
  const { exitCode } = await run(
    [command(name, version, 'restore'), '--noflush', ...WAIT],
    undoScript(ruleset, isTracked, newChains),
  )
  return exitCode === 0
}

async function removeFamily(
  name: IptablesName,
  version: IpVersion,
  tag: string,
  family: Installed | undefined,
  run: Run,
): Promise<void> {
  // Without -t it prints the tables there are, but only to root; with it, legacy iptables would bring in a table that
  // is not there.
  const saved = await runOrFail(run, [command(name, version, 'save'), ...(family ? ['-t', 'mangle'] : [])])
  const script = removeScript(saved, tag)
  if (script) await restore(name, version, script, run)
  for (const chain of family?.newChains ?? []) await run([command(name, version), ...WAIT, '-t', 'mangle', '-X', chain])
}

/** One transaction on the rules of a family. */
async function restore(name: IptablesName, version: IpVersion, script: string, run: Run): Promise<void> {
  await runOrFail(run, [command(name, version, 'restore'), '--noflush', ...WAIT], script)
}

/**
 * The nft variant makes mangle's INPUT and FORWARD when first used; those we take away again once they are empty (the
 * kernel refuses otherwise). Legacy has all or none, and cannot take a table away; nft(8) does not show it, so it
 * counts as having them.
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
