/**
 * The nftables back end. Where the kernel can, the tables belong to an `nft -i` process on a pipe (`flags owner`, Linux
 * 5.12): nobody else can flush them, and they go away with it, which is when the pipe's only writing end, ours, is
 * closed: by the end of this process however it comes. Elsewhere they are plain tables, which the next start or cleanup
 * sweeps.
 */
import { isFailure, toFailure } from '../../failure.js'
import { installLine, keysLine, removeLine, tableName, unarmedIn, type KeySets } from './script.js'
import { startNft, type NftConversation } from './conversation.js'
import { listNftTables } from './listing.js'
import { failureOf, isProgram, runOrFail, type Run } from '../run.js'
import { differsInKeysOnly, Tally, type Firewall, type Ruleset } from '../ruleset.js'
import type { IpVersion } from '../../wire/ip.js'

const FAMILIES = [4, 6] as const

/** `tag` as in Ruleset. */
export function nftFirewall(tag: string, run: Run, converse: () => NftConversation = startNft): Firewall {
  let owner: NftConversation | undefined
  let installed: { ruleset: Ruleset; listing?: string } | undefined
  /** Named until this nft has shown that it cannot. */
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
      // Where it fails now, a later look is the first one.
      await look(installed).catch(() => undefined)
    },
    remove: async () => {
      const last = { owner, versions: (installed?.ruleset.families ?? []).map(({ version }) => version) }
      owner = undefined
      installed = undefined
      if (last.owner?.isAlive) {
        // At once, not when the process gets to its end: the caller reports that the rules are gone.
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

  /** By the process that owns the tables, or as plain ones where they cannot be owned. @throws Failure */
  async function installAll(ruleset: Ruleset): Promise<void> {
    if (owner?.isAlive) return owner.say(installLine(ruleset, true, keySets))
    owner = await installOwned(installLine(ruleset, true, keySets), converse())
    if (!owner) await runOrFail(run, ['nft', '-f', '-'], installLine(ruleset, false, keySets))
  }

  /** Adds the new keys and takes away the old ones. Returns false where the rules have to be installed for it. */
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
      // Another program has changed the tables, or the owner has ended.
      return false
    }
  }

  /** Whether the tables are there as at the first look. @throws Failure */
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

/** Whether nft is there to be tried. */
export function hasNft(): boolean {
  return isProgram('nft')
}

/**
 * The process that owns the tables from now on; `undefined` where tables cannot be owned. @throws Failure
 * `firewall-failed` when the rules are refused
 */
async function installOwned(line: string, conversation: NftConversation): Promise<NftConversation | undefined> {
  try {
    await conversation.say(line)
    return conversation
  } catch (thrown) {
    await conversation.end()
    // What the kernel lacks for the rules, and what hangs, would be no better without an owner.
    if (isFailure(thrown) && /No such file or directory|no answer/.test(thrown.message)) throw thrown
    return undefined
  }
}

async function removePlain(tag: string, run: Run): Promise<void> {
  const tables = (await listNftTables(run)) ?? []
  const versions = FAMILIES.filter((version) => tables.includes(tableName(tag, version)))
  if (versions.length > 0) await runOrFail(run, ['nft', '-f', '-'], removeLine(tag, versions))
}

/**
 * What the kernel holds of ours in a family, without the sources it follows at the moment; `undefined` when it has no
 * such table. @throws Failure when that cannot be told
 */
async function listTable(tag: string, version: IpVersion, run: Run): Promise<string | undefined> {
  const name = tableName(tag, version)
  const argv = ['nft', '-t', 'list', 'table', ...name.split(' ')]
  const result = await run(argv)
  if (result.exitCode === 0) return result.stdout
  // Not by its complaint, which also a table that is there may meet.
  const tables = await listNftTables(run)
  if (tables && !tables.includes(name)) return undefined
  throw failureOf(argv, result)
}
