/** The iptables back end: iptables(8) for IPv4 and ip6tables(8) for IPv6, both in their nft or their legacy variant. */
import { toFailure } from '../../failure.js'
import { hookChains } from './chains.js'
import { holdsRuleset, unarmedIn } from './listing.js'
import { changeScript, installScript, removeScript, undoScript } from './script.js'
import { setsFor } from './sets.js'
import type { FirewallChoice, IptablesName } from '../choices.js'
import { converse as converseByPipes, isSilence, type Conversation, type Converse } from '../conversation.js'
import type { IpSets } from '../../kernel/ip-sets.js'
import { listNftChains } from '../nft/listing.js'
import { isLegacyIptables } from '../program-path.js'
import { restoreDialect, WAIT } from './dialect.js'
import { isProgram, runOrFail, type Run } from '../run.js'
import { differsInKeysOnly, Tally, type Family, type Firewall, type Presence, type Ruleset } from '../ruleset.js'
import type { IpVersion } from '../../wire/ip.js'

const FAMILIES = [4, 6] as const

/** What is installed in one family. */
interface Installed {
  readonly family: Family
  /** The built-in chains of the mangle table that did not exist before. */
  readonly newChains: readonly string[]
}

/**
 * Returns a back end that runs these programs. It touches rules of its own `tag` only (see {@link Ruleset}).
 *
 * From the first change of keys on, an iptables-restore is kept running for each IP version. To start one would take
 * many times as long as the change.
 */
export function iptablesFirewall(
  name: IptablesName,
  tag: string,
  run: Run,
  sets: IpSets,
  converse: Converse = converseByPipes,
): Firewall {
  const installed = new Map<IpVersion, Installed>()
  const kept = new Map<IpVersion, Conversation>()
  /** Whether a program that was kept running did not answer. Then none is kept any more. */
  let isSilent = false
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
      // `installed` still lists what this fails to remove.
      await remove().catch(() => undefined)
    }
    throw refused.reason
  }

  /** Changes the keys only. Returns false when that fails, because another program has changed our rules. */
  async function changeKeys(wanted: Ruleset): Promise<boolean> {
    if (wanted.selection === 'port') return true
    const changes = wanted.families.map(async (family) => {
      if (!installed.has(family.version)) throw new Error('not installed')
      await tell(family.version, changeScript(wanted, family))
    })
    return (await Promise.allSettled(changes)).every(({ status }) => status === 'fulfilled')
  }

  /** Applies a script by the program that is kept running, or by one that is started for it. @throws Failure */
  async function tell(version: IpVersion, script: string): Promise<void> {
    if (isSilent) return restore(name, version, script, run)
    const before = kept.get(version)
    const restorer = before?.isAlive ? before : converse(restoreDialect(command(name, version, 'restore')))
    kept.set(version, restorer)
    try {
      await restorer.say(script)
    } catch (thrown) {
      isSilent ||= isSilence(thrown)
      throw thrown
    }
  }

  async function installFamily(wanted: Ruleset, family: Family): Promise<void> {
    const { version } = family
    const before = installed.get(version)
    if (wanted.selection === 'prefilter')
      for (const { name, kind } of setsFor(tag, version, wanted.selectors)) await sets.make(name, version, kind)
    const missing = await missingChains(version, hookChains(family), run)
    // Rules that are replaced need not be complete: another program may have removed jumps or whole chains.
    const saved = before && (await saveMangle(version))
    await restore(name, version, installScript(wanted, family, saved), run)
    installed.set(version, { family, newChains: [...new Set([...(before?.newChains ?? []), ...missing])] })
  }

  function saveMangle(version: IpVersion): Promise<string> {
    return runOrFail(run, [command(name, version, 'save'), '-t', 'mangle'])
  }

  /** Reads the counter of unarmed requests. Returns what iptables-save printed, counters included. */
  async function countUnarmed(version: IpVersion): Promise<string> {
    const saved = await runOrFail(run, [command(name, version, 'save'), '-c', '-t', 'mangle'])
    const tally = counted.get(version) ?? new Tally()
    counted.set(version, tally)
    tally.note(unarmedIn(saved, tag))
    return saved
  }

  async function remove(): Promise<void> {
    // Before the first install, this removes the rules of an earlier responder, in both families.
    const versions: readonly IpVersion[] = ruleset
      ? ruleset.families.map(({ version }) => version)
      : FAMILIES.filter((version) => isProgram(command(name, version, 'save')))
    const ends = [...kept.values()].map((restorer) => restorer.end())
    kept.clear()
    const done = await Promise.allSettled([...versions.map(uninstallFamily), ...ends])
    const refused = done.find((family) => family.status === 'rejected')
    if (refused) throw refused.reason
    ruleset = undefined
  }

  async function uninstallFamily(version: IpVersion): Promise<void> {
    const family = installed.get(version)
    const isUndone = ruleset && family && (await undo(name, ruleset, family, run))
    if (!isUndone) await removeFamily(name, version, tag, family, run)
    // The kernel refuses to remove a set while a rule refers to it, so the rules go first.
    for (const { name } of setsFor(tag, version)) await sets.remove(name)
    installed.delete(version)
  }

  async function presence(): Promise<Presence> {
    const wanted = ruleset
    if (!wanted) return 'broken'
    const held = wanted.families.map(
      async (family) =>
        installed.has(family.version) && holdsRuleset(await countUnarmed(family.version), wanted, family),
    )
    const looks = await Promise.allSettled(held)
    if (looks.some((look) => look.status === 'fulfilled' && !look.value)) return 'broken'
    const failed = looks.find((look) => look.status === 'rejected')
    return failed ? { unknown: toFailure(failed.reason).message } : 'whole'
  }
}

/** Returns whether a command takes the lock of legacy iptables. Commands that only read (`-save`) do not take it. */
export function changesLegacyTables([program = '']: readonly string[]): boolean {
  return isLegacyIptables(program) && !program.endsWith('-save')
}

/** Returns whether a responder with this choice is expected to use legacy iptables. Only installing the rules tells. */
export function needsLegacyIptables(choice: FirewallChoice): boolean {
  if (choice === 'auto') return !isProgram('nft') && isLegacyIptables('iptables')
  return choice !== 'nft' && isLegacyIptables(choice)
}

/** Returns whether the programs of this back end exist. */
export function hasIptables(name: IptablesName): boolean {
  return isProgram(command(name, 4, 'restore'))
}

/** Removes all rules in one transaction. Returns false, and changes nothing, when they are not as we left them. */
async function undo(
  name: IptablesName,
  ruleset: Ruleset,
  { family, newChains }: Installed,
  run: Run,
): Promise<boolean> {
  const { exitCode } = await run(
    [command(name, family.version, 'restore'), '--noflush', ...WAIT],
    undoScript(ruleset, family, newChains),
  )
  return exitCode === 0
}

/** Reads the rules of a family, and removes whatever belongs to the tag. @throws Failure `firewall-failed` */
async function removeFamily(
  name: IptablesName,
  version: IpVersion,
  tag: string,
  family: Installed | undefined,
  run: Run,
): Promise<void> {
  // Without `-t`, iptables-save prints the tables that exist, which takes root. With `-t mangle`, legacy iptables would
  // create a mangle table that does not exist yet.
  const saved = await runOrFail(run, [command(name, version, 'save'), ...(family ? ['-t', 'mangle'] : [])])
  const script = removeScript(saved, tag)
  if (script) await restore(name, version, script, run)
  for (const chain of family?.newChains ?? []) await run([command(name, version), ...WAIT, '-t', 'mangle', '-X', chain])
}

/** Runs iptables-restore(8), which applies the whole script or nothing. @throws Failure `firewall-failed` */
async function restore(name: IptablesName, version: IpVersion, script: string, run: Run): Promise<void> {
  await runOrFail(run, [command(name, version, 'restore'), '--noflush', ...WAIT], script)
}

/**
 * Returns which of these built-in chains of mangle do not exist yet. The nft variant creates them on first use, and
 * `remove` deletes them again if they are empty; the kernel refuses to delete others. Legacy iptables creates all
 * built-in chains at once, and cannot delete them. nft(8) does not list its tables, so the result is empty there.
 */
async function missingChains(version: IpVersion, hooks: readonly string[], run: Run): Promise<string[]> {
  const chains = await listNftChains(version, 'mangle', run)
  return chains ? hooks.filter((chain) => !chains.includes(chain)) : []
}

/** Returns the name of a program, such as `iptables`, `ip6tables-legacy-save` or `iptables-nft-restore`. */
function command(name: IptablesName, version: IpVersion, verb?: 'save' | 'restore'): string {
  const variant = name.slice('iptables'.length)
  return [version === 4 ? 'iptables' : 'ip6tables', variant, verb && `-${verb}`].filter(Boolean).join('')
}
