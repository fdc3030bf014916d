import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { bashCompletion, zshCompletion } from '../../src/build/completion.js'
import { manualPages } from '../../src/build/manual.js'
import { COMMAND_SPECS } from '../../src/cli/commands.js'
import { OPTION_SPECS, type OptionSpec, variableOf } from '../../src/cli/options.js'
import { FIREWALL_CHOICES } from '../../src/firewall/choices.js'
import { inRepository } from '../../src/lab/repository.js'
import { temporaryDirectory } from '../temporary-directory.js'

const pages = manualPages('1.2.3')
const commands = Object.entries(COMMAND_SPECS)
const own = commands.flatMap(([, { options = {} }]) => Object.keys(options))
const always = [...Object.keys(OPTION_SPECS), 'help', 'version']

t.test('help, manual and completion say the same of each command, in the same order', (t) => {
  const help = helpOf()
  const listed = [...help.matchAll(/^ {2}certbot-nfq ([a-z-]+) /gm)].map(([, name]) => name)
  const names = Object.keys(COMMAND_SPECS)
  const manual = plain(pages['certbot-nfq.8'] ?? '')
  t.strictSame([listed, commandsInManual(manual), commandsInZsh()], [names, names, names])
  for (const [name, { describe, words = '', example }] of commands) {
    // The help of `help` is the whole help.
    const text = name === 'help' ? help : helpOf(name)
    const options = name === 'help' ? ['help', 'version'] : optionsInHelp(text)
    t.ok(options.includes('help'), name)
    t.strictSame(optionsInManual(manual, name), options, `${name}: the manual`)
    t.strictSame(optionsInBash(name), options, `${name}: bash`)
    t.strictSame(optionsInZsh(name), options, `${name}: zsh`)
    t.ok(joined(text).includes(` ${describe} `) && joined(help).includes(` ${describe} `), `${name}: what it does`)
    t.ok(manual.includes(`\n${describe}.\n`), `${name}: what it does, in the manual`)
    t.ok(zshCompletion().includes(`'${name}:${describe.replaceAll(':', '\\:')}'`), `${name}: what it does, in zsh`)
    t.ok(help.includes(`  certbot-nfq ${[name, words].filter(Boolean).join(' ')} `), `${name}: its words`)
    t.ok(
      (name === 'help' || joined(text).includes(example)) &&
        manual.includes(`.EX\n${example.replaceAll('…', '...')}\n.EE`),
      example,
    )
    t.match(example, new RegExp(`\\bcertbot-nfq[ /]${name}\\b`))
  }
  t.end()
})

t.test('what a person runs first comes first, what certbot runs comes last', (t) => {
  const names = Object.keys(COMMAND_SPECS)
  t.strictSame(
    [names.slice(0, 2), names.slice(-2)],
    [
      ['doctor', 'install'],
      ['auth', 'cleanup'],
    ],
  )
  t.end()
})

t.test('the manual page has every command and option, with what it takes and its default, and no other', (t) => {
  const text = plain(pages['certbot-nfq.8'] ?? '')
  for (const [name, { options = {} }] of commands) t.ok(hasAll(text, options), name)
  t.ok(hasAll(text, OPTION_SPECS))
  t.same(
    [...text.matchAll(/^\.BI --(\S+)/gm)].map(([, name]) => name).sort(),
    [...own, ...Object.keys(OPTION_SPECS)].sort(),
  )
  for (const name of Object.keys(OPTION_SPECS)) t.ok(text.includes(`.TP\n.B ${variableOf(name)}\n`), variableOf(name))
  for (const hook of ['auth', 'cleanup']) t.ok(hasAll(plain(pages[`certbot-nfq-${hook}.8`] ?? ''), OPTION_SPECS), hook)
  t.end()
})

t.test('man(1) has nothing to complain about them', { skip: missing('man') }, (t) => {
  const directory = temporaryDirectory(t)
  for (const [name, page] of Object.entries(pages)) {
    const file = join(directory, name)
    writeFileSync(file, page)
    const shown = execFileSync('sh', ['-c', 'LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -l "$0" 2>&1', file], {
      encoding: 'utf8',
    })
    t.notMatch(shown, /warning|error:/, name)
    t.match(shown, new RegExp(`NAME\\n +${name.slice(0, -2)} +- `))
  }
  t.end()
})

t.test('bash completes commands, options of the command, and what they take', (t) => {
  const directory = temporaryDirectory(t)
  mkdirSync(join(directory, 'sub'))
  writeFileSync(join(directory, 'file'), '')
  const complete = (...words: string[]) => {
    const script = `${bashCompletion()}\ncd ${directory}\nCOMP_WORDS=("$@") COMP_CWORD=$(($# - 1))\n_certbot_nfq\nprintf '%s\\n' "\${COMPREPLY[@]}"`
    return execFileSync('bash', ['-c', script, 'bash', 'certbot-nfq', ...words], { encoding: 'utf8' })
      .split('\n')
      .filter(Boolean)
      .sort()
  }
  t.same(complete(''), [...Object.keys(COMMAND_SPECS), ...always.map((name) => `--${name}`)].sort())
  t.same(complete('help', 'do'), ['doctor'])
  t.same(complete('stop', '--'), ['--help', '--run-dir', '--version'])
  t.same(complete('--port', '80', 'st'), ['status', 'stop', 'store-secret'])
  t.same(complete('serve', '--firewall', ''), [...FIREWALL_CHOICES].sort())
  t.same(complete('serve', '--firewall', '=', 'nf'), ['nft'])
  t.same(complete('serve', '--run-dir', ''), ['sub'])
  t.same(complete('serve', '--log-file', '='), ['file', 'sub'])
  t.same(complete('serve', '--port', ''), [])
  t.end()
})

t.test('zsh(1) can read its function', { skip: missing('zsh') }, (t) => {
  const file = join(temporaryDirectory(t), '_certbot-nfq')
  writeFileSync(file, zshCompletion())
  t.equal(execFileSync('zsh', ['-n', file], { encoding: 'utf8' }), '')
  t.end()
})

function helpOf(...words: string[]): string {
  return execFileSync(inRepository('hooks/certbot-nfq'), [...words, '--help'], { encoding: 'utf8' })
}

function optionsInHelp(text: string): string[] {
  const [before = ''] = text.split('\nExamples:\n')
  return [...before.matchAll(/^ +(?:-\w, )?--([a-z-]+) /gm)].map(([, option = '']) => option).sort()
}

/** The names below COMMANDS that are not indented by .RS. */
function commandsInManual(page: string): string[] {
  const [, section = ''] = /^\.SH COMMANDS\n([^]*?)^\.SH/m.exec(page) ?? []
  return [...section.replace(/^\.RS\n[^]*?^\.RE\n/gm, '').matchAll(/^\.BI? ([a-z-]+)/gm)].map(([, name = '']) => name)
}

/** Those of a command that the manual has below it, and those that it names; help and version are the same for all. */
function optionsInManual(page: string, name: string): string[] {
  const [, section = ''] = new RegExp(`^\\.BI? ${name}(?: .*)?\n([^]*?)(?=^\\.BI? [a-z]|^\\.SH)`, 'm').exec(page) ?? []
  const [, named = ''] = /^Of the options below: (.*)\.$/m.exec(section) ?? []
  const below = [...section.matchAll(/^\.BI --(\S+)/gm)].map(([, option = '']) => option)
  return [...below, ...(named.match(/(?<=--)[a-z-]+/g) ?? []), 'help', 'version'].sort()
}

function optionsInBash(name: string): string[] {
  const [, words = ''] = new RegExp(`^ +${name}\\) words='(.*)' ;;$`, 'm').exec(bashCompletion()) ?? []
  return words
    .split(' ')
    .filter((word) => word.startsWith('--'))
    .map((word) => word.slice(2))
    .sort()
}

function commandsInZsh(): string[] {
  const [, list = ''] = /^commands=\((.*)\)$/m.exec(zshCompletion()) ?? []
  return [...list.matchAll(/'([a-z-]+):/g)].map(([, name = '']) => name)
}

function optionsInZsh(name: string): string[] {
  const [, list = ''] = new RegExp(`^ +${name}\\) options=\\((.*)\\) ;;$`, 'm').exec(zshCompletion()) ?? []
  return [...list.matchAll(/(?<=['"]--)[a-z-]+(?==?\[)/g)].map(([option]) => option).sort()
}

/** Without line breaks of a help. */
function joined(text: string): string {
  return text.replace(/\s+/g, ' ')
}

/** Whether a page describes all of these. */
function hasAll(page: string, specs: Readonly<Record<string, OptionSpec>>): boolean {
  return Object.entries(specs).every(([name, { takes, describe, default: value }]) => {
    const about = value === undefined ? describe : `${describe} (default: ${value})`
    return page.includes(`.TP\n.BI --${name}${takes === undefined ? '' : ` " ${takes}"`}\n${about}`)
  })
}

/** Without what roff needs. */
function plain(page: string): string {
  return page.replaceAll('\\-', '-').replaceAll('\\(cq', '’')
}

function missing(program: string): string | false {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`])
    return false
  } catch {
    return `not installed: ${program}`
  }
}
