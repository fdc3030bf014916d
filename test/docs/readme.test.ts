import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { COMMAND_SPECS } from '../../src/cli/commands.js'
import { OPTION_SPECS, type OptionName } from '../../src/cli/options.js'
import { FIREWALL_CHOICES } from '../../src/firewall/choices.js'
import { inRepository } from '../../src/lab/repository.js'

const names = Object.keys(OPTION_SPECS) as OptionName[]
const pages = ['README.md', 'CONTRIBUTING.md', ...readdirSync(inRepository('docs')).filter((name) => name.endsWith('.md')).map((name) => join('docs', name))]
const readme = read('README.md')
const optionsPage = read('docs/options.md')
const table = optionsTable(optionsPage)

t.test('the options table of docs/options.md has every option, with what it takes, its variable and its default', (t) => {
  const expected = names.map((name) => {
    const { takes, default: value } = OPTION_SPECS[name]
    return { flag: [`--${name}`, takes].filter(Boolean).join(' '), variable: variableOf(name), default: value }
  })
  t.same(table.map(({ flag, variable, default: value }) => ({ flag, variable, default: value })), expected)
  t.end()
})

t.test('the options table of docs/options.md names what --firewall takes, and nothing else', (t) => {
  const { meaning = '' } = table.find(({ flag }) => flag.startsWith('--firewall ')) ?? {}
  const named = [...meaning.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
  t.same(named.sort(), [...FIREWALL_CHOICES].sort())
  t.end()
})

t.test('docs/options.md has every command of certbot-nfq --help', (t) => {
  const help = execFileSync(inRepository('hooks/certbot-nfq'), ['--help'], { encoding: 'utf8' })
  const commands = [...help.matchAll(/^ {2}certbot-nfq ([a-z-]+) /gm)].map(([, command = '']) => command)
  t.ok(commands.includes('status'), 'the help lists commands')
  // `help` is known to everybody.
  for (const command of commands.filter((name) => name !== 'help')) t.match(optionsPage, new RegExp(`\`certbot-nfq ${command}\``))
  t.end()
})

t.test('every page is reached from the README by links', (t) => {
  const reached = new Set(['README.md'])
  for (const page of reached) {
    const linked = relativeLinks(read(page)).map((link) => join(dirname(page), link.split('#')[0] ?? ''))
    for (const other of linked) if (pages.includes(other)) reached.add(other)
  }
  t.same(pages.filter((page) => !reached.has(page)), [])
  const direct = relativeLinks(readme).map((link) => link.split('#')[0] ?? '')
  t.same(pages.filter((page) => page.startsWith('docs/') && !direct.includes(page)), [], 'those of docs directly')
  t.end()
})

t.test('the figures of the README are those of the pages that it links', (t) => {
  const row = (name: string) => {
    const cells = new RegExp(`^\\| ${name} +\\|(.*)\\|$`, 'm').exec(read('docs/benchmarks.md'))?.[1] ?? ''
    return cells.split('|').map((cell) => Number.parseFloat(cell)).filter((ratio) => !Number.isNaN(ratio)).sort((a, b) => a - b)
  }
  const [armed, naive] = [row('armed'), row('naive rule: the whole port to the same responder')]
  t.equal(armed.length, 4, 'keep-alive and new connections, tracked and not')
  const shown = `${armed[0]?.toFixed(2)} to ${armed.at(-1)?.toFixed(2)} of their requests](docs/benchmarks.md), against ${naive[0]?.toFixed(2)} with`
  t.ok(readme.replace(/\s+/g, ' ').includes(shown), shown)
  const reliability = read('docs/reliability.md')
  for (const [said, proof] of [['ten million generated packets', '| packets | 10,000,000 in '], ['none of which got a wrong verdict', '| throws, wrong verdicts | 0 |'], ['200 cycles', '| cycles | 200 in '], ['without a broken promise', '| promises broken | 0 |']] as const)
    t.ok(readme.replace(/\s+/g, ' ').includes(said) && reliability.includes(proof), said)
  t.end()
})

t.test('a newcomer can read the README to its end', (t) => {
  t.ok(readme.trim().split('\n').length <= 150, 'about 140 lines')
  t.end()
})

for (const page of pages) {
  t.test(`every relative link in ${page} leads to something`, (t) => {
    t.same(relativeLinks(read(page)).filter((link) => !leadsSomewhere(page, link)), [])
    t.end()
  })

  t.test(`every command and variable of certbot-nfq in ${page} exists`, (t) => {
    const own = Object.values(COMMAND_SPECS).flatMap(({ options = {} }) => Object.entries(options))
    const known = [...[...names, ...own.map(([name]) => name), 'help', 'version'].map((name) => `--${name}`), ...own.flatMap(([, { short }]) => (short ? [`-${short}`] : []))]
    t.same(shellCommands(read(page)).flatMap(ownOptions).filter((option) => !known.includes(option)), [])
    const variables = [...names.map(variableOf), 'CERTBOT_NFQ_NODE', 'CERTBOT_NFQ_WEBROOT', 'CERTBOT_NFQ_CHAOS', 'CERTBOT_NFQ_FORCE']
    t.same((read(page).match(/\bCERTBOT_NFQ_[A-Z_]*[A-Z]\b/g) ?? []).filter((name) => !variables.includes(name)), [])
    t.end()
  })
}

t.test('options are found after a hook as a word of its own, within quotes, and over several lines', (t) => {
  const block = ['```sh', "certbot certonly --manual --manual-auth-hook '/x/hooks/auth --port 80 --a=1' \\", '  -d example.com', 'FOO=1 certbot-nfq status --b', 'npm ci --c', '```']
  t.same(shellCommands(block.join('\n')).flatMap(ownOptions), ['--port', '--a', '--b'])
  t.end()
})

t.test('the README shows commands with options of ours', (t) => {
  t.same([...new Set(shellCommands(readme).flatMap(ownOptions))].sort(), ['--log-file', '--port', '--remove', '-d'])
  t.end()
})

function read(path: string): string {
  return readFileSync(inRepository(path), 'utf8')
}

function variableOf(name: OptionName): string {
  return `CERTBOT_NFQ_${name.toUpperCase().replaceAll('-', '_')}`
}

/** Rows of four cells that begin with a flag. A default that is not in code quotes is a description of having none. */
function optionsTable(text: string): { flag: string; variable: string; default: string | undefined; meaning: string }[] {
  return [...text.matchAll(/^\| `(--[^`]+)` \| `([^`]+)` \| ([^|]+) \| (.+) \|$/gm)].map(([, flag = '', variable = '', value = '', meaning = '']) => {
    return { flag, variable, default: /^`(.+)`$/.exec(value)?.[1], meaning }
  })
}

/** Targets of Markdown links outside code, but for those with a scheme. */
function relativeLinks(text: string): string[] {
  const prose = text.replace(/^```.*?^```$/gms, '').replace(/^ {4}.*$/gm, '').replace(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target).filter((target) => !/^[a-z]+:/.test(target))
}

function leadsSomewhere(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? page : join(dirname(page), path)
  if (!existsSync(inRepository(target))) return false
  return anchor === undefined || headings(read(target)).includes(anchor)
}

/** Headings as the anchors that Git hosts make of them. */
function headings(text: string): string[] {
  const lines = text.replace(/^```.*?^```$/gms, '').matchAll(/^#+ (.+)$/gm)
  return [...lines].map(([, title = '']) => title.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'))
}

/** The commands in ```sh blocks, continued lines joined. */
function shellCommands(text: string): string[] {
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block = '']) => block.replaceAll('\\\n', ' ').split('\n')).filter((line) => line.trim() !== '')
}

/**
 * The options that a command gives to certbot-nfq or a hook: as its own words, or within a quoted word that begins with
 * the hook.
 */
function ownOptions(command: string): string[] {
  const words = [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, double, single, bare]) => double ?? single ?? bare ?? '')
  const [program = '', ...rest] = words.filter((word) => !/^[A-Z_]+=/.test(word))
  const given = isOurs(program) ? rest : words.flatMap((word) => (isOurs(word.split(' ')[0] ?? '') ? word.split(' ').slice(1) : []))
  return given.filter((word) => word.startsWith('-')).map((word) => word.replace(/=.*$/, ''))
}

function isOurs(program: string): boolean {
  return /(^|\/)((hooks|certbot-nfq)\/(auth|cleanup)|certbot-nfq)$/.test(program)
}
