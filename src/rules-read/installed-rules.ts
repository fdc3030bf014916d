/** Reads every firewall rule there is, and changes none. */
import { tagOfTable } from '../firewall/nft/script.js'
import { isProgram } from '../firewall/program-path.js'
import type { Run } from '../firewall/run.js'
import { isLegacyInUse } from '../firewall/tracking-rules.js'
import type { IpVersion } from '../wire/ip.js'
import type { Table } from './chains.js'
import { tablesOfSave } from './iptables-rules.js'
import { listOf, objectOf, wordOf } from './nft-conditions.js'
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
  const nft = isProgram('nft') ? await readNft(read, complain) : undefined
  return { saves, nft, silent }
}

type Read = (argv: readonly string[]) => Promise<string | undefined>

/**
 * Returns what nft lists, as JSON. nft 1.0.6 and older cut it off, with status 0, at a table that has an owner, as ours
 * have: they read the name of that flag past the end of a list. Then each table is listed by itself. One that cannot be
 * listed even so is left out; ours are not missed.
 */
async function readNft(
  read: Read,
  complain: (argv: readonly string[], why: string) => undefined,
): Promise<string | undefined> {
  // Terse leaves out the elements of sets. There may be a hundred thousand.
  const list = ['nft', '--json', '--terse', 'list']
  const whole = await read([...list, 'ruleset'])
  if (whole === undefined || isJson(whole)) return whole
  const names = (await read(['nft', 'list', 'tables'])) ?? ''
  const tables = await Promise.all(
    [...names.matchAll(/^table (\S+) (\S+)/gm)].map(async ([, family = '', name = '']) => {
      const argv = [...list, 'table', family, name]
      const table = await read(argv)
      if (table === undefined || isJson(table)) return table
      return tagOfTable(name) !== undefined ? undefined : complain(argv, 'what it printed ends too early')
    }),
  )
  const items = tables.flatMap((table) => (table === undefined ? [] : listOf(objectOf(JSON.parse(table))['nftables'])))
  return JSON.stringify({ nftables: items })
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
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

/** Returns what takes forwarded connections past the rules, as text: flowtables of nft, and FLOWOFFLOAD of iptables. */
export function flowtablesOf({ saves, nft }: InstalledRules): string[] {
  const tables = nft === undefined ? [] : listOf(objectOf(JSON.parse(nft))['nftables'])
  return [
    ...tables.flatMap((item) => {
      const { family, table, name } = objectOf(objectOf(item)['flowtable'])
      return name === undefined ? [] : [`the flowtable ${wordOf(name)} of nft ${wordOf(family)} ${wordOf(table)}`]
    }),
    ...saves.flatMap(({ program, text }) => (/ -j FLOWOFFLOAD\b/m.test(text) ? [`FLOWOFFLOAD of ${program}`] : [])),
  ]
}
