/**
 * The nftables back end. Where the kernel can, the tables belong to an `nft -i` process on a pipe (`flags owner`, Linux 5.12): nobody else can
 * flush them, and they go away with it, which is when the pipe's only writing end, ours, is closed: by the end of this process
 * however it comes. Elsewhere they are plain tables, which the next start or cleanup sweeps.
 */
import { Failure, isFailure } from '../failure.js'
import { isLack } from './lack.js'
import { installLine, removeLine, tableName } from './nft-script.js'
import { startNft, type NftConversation } from './nft-conversation.js'
import { isProgram, runOrFail, type Run } from './run.js'
import type { Firewall, IpVersion, Ruleset } from './ruleset.js'

const FAMILIES = [4, 6] as const

/** `tag` as in Ruleset. */
export function nftFirewall(tag: string, run: Run, converse: () => NftConversation = startNft): Firewall {
  let owner: NftConversation | undefined
  let installed: { versions: readonly IpVersion[]; listing: string } | undefined
  return {
    name: 'nft',
    install: async (ruleset) => {
      if (owner?.isAlive) await change(owner, installLine(ruleset, true))
      else {
        owner = await installOwned(ruleset, converse())
        if (!owner) await runOrFail(run, ['nft', '-f', '-'], installLine(ruleset, false))
      }
      const versions = ruleset.families.map(({ version }) => version)
      installed = { versions, listing: await list(tag, versions, run) }
    },
    remove: async () => {
      const last = { owner, versions: installed?.versions ?? [] }
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
    isInstalled: async () => {
      if (!installed) return false
      return (await list(tag, installed.versions, run)) === installed.listing
    },
  }
}

/** A refusal ends the owner, and with it the rules before: the caller starts anew, and could not take them away. */
async function change(owner: NftConversation, line: string): Promise<void> {
  try {
    await owner.say(line)
  } catch (thrown) {
    await owner.end()
    throw thrown
  }
}

/** Whether nft is there to be tried. */
export function hasNft(): boolean {
  return isProgram('nft')
}

/** The process that owns the tables from now on; `undefined` where tables cannot be owned. @throws Failure `firewall-failed` when the rules are refused */
async function installOwned(ruleset: Ruleset, conversation: NftConversation): Promise<NftConversation | undefined> {
  try {
    await conversation.say(installLine(ruleset, true))
    return conversation
  } catch (thrown) {
    await conversation.end()
    const isAboutRules = isFailure(thrown) && thrown.message.includes('No such file or directory')
    if (isAboutRules) throw thrown
    return undefined
  }
}

async function removePlain(tag: string, run: Run): Promise<void> {
  const versions: IpVersion[] = []
  for (const version of FAMILIES) if (await exists(tag, version, run)) versions.push(version)
  if (versions.length > 0) await runOrFail(run, ['nft', '-f', '-'], removeLine(tag, versions))
}

async function exists(tag: string, version: IpVersion, run: Run): Promise<boolean> {
  const [family, name = ''] = tableName(tag, version).split(' ')
  const { exitCode, stderr } = await run(['nft', '-t', 'list', 'table', family ?? '', name])
  // What could not be looked at may be there.
  if (exitCode !== 0 && !isLack(stderr)) throw new Failure('firewall-failed', `nft -t list table ${family} ${name}: ${stderr.trim() || `exit code ${exitCode}`}`)
  return exitCode === 0
}

/** What the kernel holds of ours, without the sources it follows at the moment. */
async function list(tag: string, versions: readonly IpVersion[], run: Run): Promise<string> {
  const listings = versions.map((version) => run(['nft', '-t', 'list', 'table', ...tableName(tag, version).split(' ')]))
  return (await Promise.all(listings)).map(({ stdout }) => stdout).join('\n')
}
