/** Reads every firewall rule there is, and changes none. */
import { tagOfTable } from '../firewall/nft/names.js'
import { isProgram } from '../firewall/program-path.js'
import type { Run } from '../firewall/run.js'
import { isLegacyInUse } from '../firewall/tracking-rules.js'
import type { IpVersion } from '../wire/ip.js'
import type { Table } from './chains.js'
import { tablesOfSave } from './iptables-rules.js'
import { listOf, objectOf, wordOf, type Json } from './nft-conditions.js'
import { tablesOfNft } from './nft-rules.js'
import type { Packet } from './packet.js'

/** Every rule of this machine, as its program prints it. */
export interface InstalledRules {
  readonly saves: readonly { readonly version: IpVersion; readonly program: string; readonly text: string }[]
  /** What nft lists: each table, chain and rule (libnftables-json(5)). */
  readonly nft: readonly Json[]
  /** Commands that failed, each with its complaint. */
  readonly silent: readonly string[]
}

/**
 * Reads the rules of these IP versions by every program that may have made some. It takes root; without, `silent` says
 * so.
 */
export async function readInstalledRules(run: Run, versions: readonly IpVersion[] = [4, 6]): Promise<InstalledRules> {
  const silent: string[] = []
  const complain = (argv: readonly string[], why: string) => {
    silent.push(`${argv.join(' ')}: ${why}`)
    return undefined
  }
  const read = async (argv: readonly string[]) => {
    const { exitCode, stdout, stderr } = await run(argv)
    return exitCode === 0 ? stdout : complain(argv, stderr.trim().split('\n', 1)[0] ?? '')
  }
  const programs = versions.flatMap((version) => saversOf(version).map((program) => ({ version, program })))
  const saves = await Promise.all(
    programs.map(async ({ version, program }) => ({ version, program, text: (await read([program])) ?? '' })),
  )
  const nft = isProgram('nft') ? await readNft(read, complain) : []
  return { saves, nft, silent }
}

type Read = (argv: readonly string[]) => Promise<string | undefined>

/**
 * Returns what nft lists. nft 1.0.6 and older cut it off, with status 0, at a table that has an owner, as ours
 * have: they read the name of that flag past the end of a list. Then each table is listed by itself. One that cannot be
 * listed even so is left out; ours are not missed.
 */
async function readNft(
  read: Read,
  complain: (argv: readonly string[], why: string) => undefined,
): Promise<readonly Json[]> {
  // Terse leaves out the elements of sets. There may be a hundred thousand.
  const list = ['nft', '--json', '--terse', 'list']
  const text = await read([...list, 'ruleset'])
  if (text === undefined) return []
  const whole = itemsOf(text)
  if (whole) return whole
  const names = (await read(['nft', 'list', 'tables'])) ?? ''
  const tables = await Promise.all(
    [...names.matchAll(/^table (\S+) (\S+)/gm)].map(async ([, family = '', name = '']) => {
      const argv = [...list, 'table', family, name]
      const text = await read(argv)
      if (text === undefined) return []
      const table = itemsOf(text)
      if (!table && tagOfTable(name) === undefined) complain(argv, 'what it printed ends too early')
      return table ?? []
    }),
  )
  return tables.flat()
}

/** Returns the items of a listing; `undefined` if it is not JSON. */
function itemsOf(text: string): Json[] | undefined {
  try {
    return listOf(objectOf(JSON.parse(text))['nftables']).map(objectOf)
  } catch {
    return undefined
  }
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

/** Returns the tables that a packet meets. A table that iptables-nft has printed is left out of what nft prints. */
export function tablesFor(packet: Packet, { saves, nft }: InstalledRules): Table[] {
  const saved = saves
    .filter(({ version }) => version === packet.version)
    .flatMap(({ program, text }) => tablesOfSave(text, program.replace('-save', ''), packet))
  const listed = tablesOfNft(nft, packet)
  const family = packet.version === 6 ? 'ip6' : 'ip'
  const isSaved = ({ origin, name }: Table) =>
    origin === `nft ${family} ${name}` && saved.some((table) => table.name === name)
  return [...saved, ...listed.filter((table) => !isSaved(table))]
}

/** Returns what takes forwarded connections past the rules, as text: flowtables of nft, and FLOWOFFLOAD of iptables. */
export function flowtablesOf({ saves, nft }: InstalledRules): string[] {
  return [
    ...nft.flatMap((item) => {
      const { family, table, name } = objectOf(item['flowtable'])
      return name === undefined ? [] : [`the flowtable ${wordOf(name)} of nft ${wordOf(family)} ${wordOf(table)}`]
    }),
    ...saves.flatMap(({ program, text }) => (/ -j FLOWOFFLOAD\b/m.test(text) ? [`FLOWOFFLOAD of ${program}`] : [])),
  ]
}
