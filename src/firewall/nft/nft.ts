/**
 * The nftables back end.
 *
 * From Linux 5.12 on, a table can belong to a process (`flags owner`). Ours belong to an `nft -i` that reads from a
 * pipe. No other process can change them, and the kernel removes them when that nft ends. It ends when its input is
 * closed, and we hold the only writing end: so the tables do not outlive this process, however it ends.
 *
 * On older kernels the tables have no owner. Those that a killed responder leaves are removed by the next start or
 * cleanup.
 */
import { toFailure } from '../../failure.js'
import { converse as converseByPipes, isSilence, type Conversation, type Converse } from '../conversation.js'
import { nftDialect } from './dialect.js'
import type { KeySets } from './keys.js'
import { listNftTables, unarmedIn } from './listing.js'
import { tableName } from './names.js'
import { installLine, keysLine, removeLine } from './script.js'
import { failureOf, isProgram, runOrFail, type Run } from '../run.js'
import { differsInKeysOnly, Tally, type Firewall, type Ruleset } from '../ruleset.js'
import type { IpVersion } from '../../wire/ip.js'

const FAMILIES = [4, 6] as const

/** Returns the nftables back end. It touches tables of its own `tag` only (see {@link Ruleset}). */
export function nftFirewall(tag: string, run: Run, converse: Converse = converseByPipes): Firewall {
  let owner: Conversation | undefined
  let installed: { ruleset: Ruleset; listing?: string } | undefined
  /** Named sets, until this nft has refused to declare one. */
  let keySets: KeySets = 'named'
  const unarmed = new Tally()
  return {
    name: 'nft',
    get unarmed() {
      return unarmed.sum
    },
    install: async (ruleset) => {
      if (
        installed &&
        differsInKeysOnly(installed.ruleset, ruleset) &&
        (await changeKeys(installed.ruleset, ruleset))
      ) {
        installed.ruleset = ruleset
        return
      }
      try {
        await installAll(ruleset)
      } catch (thrown) {
        if (keySets === 'anonymous' || !/typeof|syntax error/.test(toFailure(thrown).message)) throw thrown
        keySets = 'anonymous'
        await installAll(ruleset)
      }
      installed = { ruleset }
      // Notes the listing that later ones are compared with. If this look fails, the next one does so.
      await look(installed).catch(() => undefined)
    },
    remove: async () => {
      const last = { owner, versions: (installed?.ruleset.families ?? []).map(({ version }) => version) }
      owner = undefined
      installed = undefined
      if (last.owner?.isAlive) {
        // Removes the tables before nft ends, because the caller reports at once that the rules are gone.
        await last.owner.say(removeLine(tag, last.versions)).catch(() => undefined)
        await last.owner.end()
      } else {
        await removePlain(tag, run)
      }
    },
    presence: async () => {
      if (!installed) return 'broken'
      try {
        return (await look(installed)) ? 'whole' : 'broken'
      } catch (thrown) {
        return { unknown: toFailure(thrown).message }
      }
    },
  }

  /** Installs the tables through the nft that owns them, or without an owner. @throws Failure `firewall-failed` */
  async function installAll(ruleset: Ruleset): Promise<void> {
    if (owner?.isAlive) return owner.say(installLine(ruleset, true, keySets))
    owner = await installOwned(installLine(ruleset, true, keySets), converse(nftDialect))
    if (!owner) await runOrFail(run, ['nft', '-f', '-'], installLine(ruleset, false, keySets))
  }

  /** Adds the new keys to the sets, and deletes the old. Returns false when the rules have to be installed anew. */
  async function changeKeys(before: Ruleset, after: Ruleset): Promise<boolean> {
    if (after.selection === 'port') return true
    if (keySets === 'anonymous') return false
    const line = keysLine(before, after)
    try {
      if (owner?.isAlive) await owner.say(line)
      else if (owner) return false
      else await runOrFail(run, ['nft', '-f', '-'], line)
      return true
    } catch {
      // Another program has changed the tables, or the nft that owned them has ended.
      return false
    }
  }

  /** Returns whether the tables are as they were at the first look. @throws Failure when they cannot be listed */
  async function look(tables: NonNullable<typeof installed>): Promise<boolean> {
    const versions = tables.ruleset.families.map(({ version }) => version)
    const listings = await Promise.all(versions.map((version) => listTable(tag, version, run)))
    if (listings.includes(undefined)) return false
    const listing = listings.join('\n')
    unarmed.note(unarmedIn(listing))
    const rules = listing.replace(/packets \d+ bytes \d+/g, '')
    tables.listing ??= rules
    return rules === tables.listing
  }
}

/** Returns whether nft is installed. */
export function hasNft(): boolean {
  return isProgram('nft')
}

/**
 * Installs tables with an owner. Returns the nft process that owns them; `undefined`, with that process ended, when the
 * line was refused for what may be the owner flag.
 * @throws Failure `firewall-failed` when the kernel lacks something that the rules need, or nft hangs
 */
async function installOwned(line: string, conversation: Conversation): Promise<Conversation | undefined> {
  try {
    await conversation.say(line)
    return conversation
  } catch (thrown) {
    await conversation.end()
    // A part of the rules that the kernel lacks, and an nft that hangs, would fail without an owner just the same.
    if (isSilence(thrown) || /No such file or directory/.test(toFailure(thrown).message)) throw thrown
    return undefined
  }
}

/** Removes this tag's tables that have no owner. @throws Failure `firewall-failed` */
async function removePlain(tag: string, run: Run): Promise<void> {
  const tables = (await listNftTables(run)) ?? []
  const versions = FAMILIES.filter((version) => tables.includes(tableName(tag, version)))
  if (versions.length > 0) await runOrFail(run, ['nft', '-f', '-'], removeLine(tag, versions))
}

/**
 * Returns the listing of our table, without the elements of its sets (nft(8), `-t`); `undefined` if there is no table.
 * @throws Failure `firewall-failed` when that cannot be found out
 */
async function listTable(tag: string, version: IpVersion, run: Run): Promise<string | undefined> {
  const name = tableName(tag, version)
  const argv = ['nft', '-t', 'list', 'table', ...name.split(' ')]
  const result = await run(argv)
  if (result.exitCode === 0) return result.stdout
  // The error message does not tell: nft may fail in the same words on a table that exists.
  const tables = await listNftTables(run)
  if (tables && !tables.includes(name)) return undefined
  throw failureOf(argv, result)
}
