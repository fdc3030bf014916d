import { Failure } from '../../../src/failure.js'
import type { Converse } from '../../../src/firewall/conversation.js'
import type { Run, RunResult } from '../../../src/firewall/run.js'
import type { IpSets } from '../../../src/kernel/ip-sets.js'

/** A command as it was run: its words joined by blanks, then what it read. */
export interface Call {
  readonly command: string
  readonly input: string
}

/** The chains of one mangle table, each with its rules. */
type Table = Map<string, string[]>

const BASE_CHAINS = ['INPUT', 'FORWARD']

/**
 * Stands for a kernel with iptables, ip6tables, their -nft and -legacy names, and nft: keeps a mangle table for each
 * command's name without verb, checks what a restore says as the real one does, and saves it again. `refuse` gives the
 * complaint with which a command fails, or nothing.
 */
export function fakeIptables(refuse: (call: Call) => string | undefined = () => undefined) {
  const calls: Call[] = []
  const tables = new Map<string, Table>()
  const setNames = new Set<string>()
  const sets: IpSets = {
    make: async (name) => void setNames.add(name),
    remove: async (name) => {
      const rules = [...tables.values()].flatMap((table) => [...table.values()].flat())
      if (rules.some((rule) => rule.includes(`-set ${name} `))) throw new Error(`${name} is in use`)
      setNames.delete(name)
    },
  }
  const run: Run = async (argv, input = '') => {
    const call = { command: argv.join(' '), input }
    calls.push(call)
    const complaint = refuse(call) ?? perform(tables, setNames, argv, input)
    return typeof complaint === 'string' ? { exitCode: 1, stdout: '', stderr: `${complaint}\nmore\n` } : complaint
  }
  /** Each applies what it is told as a run of the same words would, and ends at an error. */
  const kept: { readonly command: string; isAlive: boolean }[] = []
  const converse: Converse = ({ argv }) => {
    const program = { command: argv.join(' '), isAlive: true }
    kept.push(program)
    return {
      say: async (lines) => {
        const { exitCode, stderr } = await run(argv, lines)
        program.isAlive &&= exitCode === 0
        if (!program.isAlive) throw new Failure('firewall-failed', stderr)
      },
      end: async () => void (program.isAlive = false),
      get isAlive() {
        return program.isAlive
      },
    }
  }
  return {
    run,
    converse,
    /** The programs that were kept running, as the words of each. */
    kept: () => kept.filter(({ isAlive }) => isAlive).map(({ command }) => command),
    /** Ends them. */
    killKept: () => kept.forEach((program) => (program.isAlive = false)),
    sets,
    setNames,
    calls,
    commands: () => calls.map(({ command }) => command),
    /** The rules of a command's mangle table; `undefined` while nobody has used it. */
    table: (name: string) => tables.get(name),
    /** Makes the table look as if another program had used it. */
    use: (name: string, ...rules: readonly string[]) =>
      tables.set(
        name,
        new Map([
          ['INPUT', [...rules]],
          ['FORWARD', []],
        ]),
      ),
  }
}

function perform(
  tables: Map<string, Table>,
  setNames: ReadonlySet<string>,
  argv: readonly string[],
  input: string,
): RunResult | string {
  const [program = ''] = argv
  const name = program.replace(/-(save|restore)$/, '')
  const ok = (stdout = ''): RunResult => ({ exitCode: 0, stdout, stderr: '' })
  if (program === 'nft') {
    const [, verb, what, family = '', table] = argv.filter((word) => !word.startsWith('-'))
    if (verb === 'list' && what === 'tables')
      return ok(
        ['ip', 'ip6']
          .filter((family) => nftTable(tables, family))
          .map((family) => `table ${family} mangle\n`)
          .join(''),
      )
    const chains = table === 'mangle' ? nftTable(tables, family) : undefined
    if (verb !== 'list' || what !== 'table' || !chains) return 'Error: No such file or directory'
    return ok([...chains.keys()].map((chain) => `\tchain ${chain} {\n\t}\n`).join(''))
  }
  if (program.endsWith('-save')) return ok(save(tables.get(name)))
  if (program.endsWith('-restore')) {
    if (!argv.includes('--noflush')) return 'would flush the tables of others'
    const copy: Table = new Map([...(tables.get(name) ?? [])].map(([chain, rules]) => [chain, [...rules]]))
    const complaint = restore(copy, setNames, input)
    if (complaint === undefined) tables.set(name, copy)
    return complaint ?? ok()
  }
  const chain = argv.at(-1) ?? ''
  if (argv.at(-2) !== '-X' || tables.get(name)?.get(chain)?.length !== 0)
    return 'CHAIN_DEL failed (Device or resource busy)'
  tables.get(name)?.delete(chain)
  return ok()
}

/** nft(8) sees the tables of iptables' nft variant, which `iptables` is here, and not those of legacy. */
function nftTable(tables: Map<string, Table>, family: string): Table | undefined {
  const name = `${family}tables`
  return tables.get(name) ?? tables.get(`${name}-nft`)
}

function save(table: Table | undefined): string {
  if (!table) return ''
  const chains = [...table.keys()].map((chain) => `:${chain} ${BASE_CHAINS.includes(chain) ? 'ACCEPT' : '-'} [0:0]`)
  return [
    '# Generated',
    '*mangle',
    ...chains,
    ...[...table].flatMap(([chain, rules]) => rules.map((rule) => `-A ${chain} ${rule}`)),
    'COMMIT',
    '',
  ].join('\n')
}

/** All or nothing, as the caller sees to by giving a copy; the complaint, or nothing. */
function restore(table: Table, setNames: ReadonlySet<string>, input: string): string | undefined {
  const lines = input.split('\n')
  if (lines[0] !== '*mangle' || lines.at(-2) !== 'COMMIT' || lines.at(-1) !== '') return 'no table, or no COMMIT'
  for (const line of lines.slice(1, -2)) {
    const [verb = '', chain = '', ...words] = line.split(' ')
    if (verb.startsWith(':')) {
      table.set(verb.slice(1), [])
      continue
    }
    // Built-in chains are made when first used.
    if (BASE_CHAINS.includes(chain) && /^-[AI]$/.test(verb) && !table.has(chain)) table.set(chain, [])
    const rules = table.get(chain)
    if (!rules) return `line "${line}": no chain by that name`
    const target = words[words.findIndex((word) => /^-[jg]$/.test(word)) + 1] ?? ''
    if (target.startsWith('CERTBOT') && !table.has(target)) return `line "${line}": no target by that name`
    const [, set] = / --(?:match|add)-set (\S+)/.exec(line) ?? []
    if (set !== undefined && !setNames.has(set)) return `Set ${set} doesn't exist.`
    if (verb === '-A') rules.push(words.join(' '))
    else if (verb === '-I') rules.unshift(words.slice(1).join(' '))
    else if (verb === '-F') rules.length = 0
    else if (verb === '-X' && rules.length === 0 && !isReferred(table, chain)) table.delete(chain)
    else if (verb === '-D' && rules.includes(words.join(' '))) rules.splice(rules.indexOf(words.join(' ')), 1)
    else return `line "${line}" failed`
  }
  return undefined
}

function isReferred(table: Table, chain: string): boolean {
  return [...table.values()]
    .flat()
    .some((rule) => [`-j ${chain}`, `-g ${chain}`].some((target) => rule.endsWith(target)))
}
