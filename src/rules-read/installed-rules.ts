/** Reads every firewall rule there is, and changes none. */
import { isProgram, type Run } from '../firewall/run.js'
import { isLegacyInUse } from '../firewall/tracking-rules.js'
import type { IpVersion } from '../wire/ip.js'
import type { Table } from './chains.js'
import { tablesOfSave } from './iptables-rules.js'
import { tablesOfNft } from './nft-rules.js'
import type { Packet } from './packet.js'

/** Every rule of this machine, as its program prints it. */
export interface InstalledRules {
  readonly saves: readonly { readonly version: IpVersion; readonly program: string; readonly text: string }[]
  /** As JSON; undefined when nft is not there. */
  readonly nft: string | undefined
  /** Commands that failed, each with its complaint. */
  readonly silent: readonly string[]
}

/**
 * Reads the rules of these IP versions by every program that may have made some. It takes root; without, `silent` says
 * so.
 */
export async function readInstalledRules(run: Run, versions: readonly IpVersion[] = [4, 6]): Promise<InstalledRules> {
  const silent: string[] = []
  const read = async (argv: readonly string[]) => {
    const { exitCode, stdout, stderr } = await run(argv)
    if (exitCode !== 0) silent.push(`${argv.join(' ')}: ${stderr.trim().split('\n', 1)[0] ?? ''}`)
    return exitCode === 0 ? stdout : undefined
  }
  const programs = versions.flatMap((version) => saversOf(version).map((program) => ({ version, program })))
  const saves = await Promise.all(
    programs.map(async ({ version, program }) => ({ version, program, text: (await read([program])) ?? '' })),
  )
  // Terse leaves out the elements of sets. There may be a hundred thousand.
  const nft = isProgram('nft') ? await read(['nft', '--json', '--terse', 'list', 'ruleset']) : undefined
  return { saves, nft, silent }
}

/**
 * Returns the programs that print the rules. Where there is no `iptables-nft-save`, the plain name is the only variant.
 * Legacy is asked only where it is in use, because asking it makes its tables.
 */
function saversOf(version: IpVersion): string[] {
  const name = version === 4 ? 'iptables' : 'ip6tables'
  const nftVariant = [`${name}-nft-save`, `${name}-save`].find(isProgram)
  const legacy = isLegacyInUse(version) ? [`${name}-legacy-save`].filter(isProgram) : []
  return [...(nftVariant === undefined ? [] : [nftVariant]), ...legacy]
}

/**
 * Returns the tables that a packet meets. A table that iptables-nft has printed is left out of what nft prints.
 * @throws SyntaxError when what nft printed is not JSON
 */
export function tablesFor(packet: Packet, { saves, nft }: InstalledRules): Table[] {
  const saved = saves
    .filter(({ version }) => version === packet.version)
    .flatMap(({ program, text }) => tablesOfSave(text, program.replace('-save', ''), packet))
  const listed = nft === undefined ? [] : tablesOfNft(nft, packet)
  const family = packet.version === 6 ? 'ip6' : 'ip'
  const isSaved = ({ origin, name }: Table) =>
    origin === `nft ${family} ${name}` && saved.some((table) => table.name === name)
  return [...saved, ...listed.filter((table) => !isSaved(table))]
}
