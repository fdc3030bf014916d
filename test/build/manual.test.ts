import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { bashCompletion, zshCompletion } from '../../src/build/completion.js'
import { manualPages, variableOf } from '../../src/build/manual.js'
import { COMMAND_SPECS } from '../../src/cli/commands.js'
import { OPTION_SPECS, type OptionSpec } from '../../src/cli/options.js'
import { FIREWALL_CHOICES } from '../../src/firewall/choices.js'
import { inRepository } from '../../src/lab/repository.js'
import { temporaryDirectory } from '../temporary-directory.js'

const pages = manualPages('1.2.3')
const commands = Object.entries(COMMAND_SPECS)
const own = commands.flatMap(([, { options = {} }]) => Object.keys(options))
const always = [...Object.keys(OPTION_SPECS), 'help', 'version']

t.test('the commands of the table are those of the program, with their options and an example each', (t) => {
  const help = (...words: string[]) =>
    execFileSync(inRepository('hooks/certbot-nfq'), [...words, '--help'], { encoding: 'utf8' })
  t.same(
    [...help().matchAll(/^ {2}certbot-nfq ([a-z]+) /gm)].map(([, name]) => name).sort(),
    Object.keys(COMMAND_SPECS).sort(),
  )
  for (const [name, { uses, options = {}, example }] of commands) {
    const text = help(name)
    t.same(
      [...text.matchAll(/^ +(?:-\w, )?--([a-z-]+) /gm)].map(([, option]) => option).sort(),
      [...uses, ...Object.keys(options), 'help', 'version'].sort(),
      name,
    )
    t.match(example, new RegExp(`\\bcertbot-nfq ${name}\\b`))
    t.ok(text.replace(/\s+/g, ' ').includes(example), example)
  }
  t.end()
})

t.test('the manual page has every command and option, with what it takes and its default, and no other', (t) => {
  const text = plain(pages['certbot-nfq.8'] ?? '')
  for (const [name, { describe, options = {} }] of commands)
    t.ok(text.includes(`.TP\n.B ${name}\n${describe}.`) && hasAll(text, options), name)
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
  for (const [name, { options = {} }] of commands)
    t.same(complete(name, '--'), [...always, ...Object.keys(options)].map((option) => `--${option}`).sort(), name)
  t.same(complete('--port', '80', 'st'), ['status', 'stop'])
  t.same(complete('serve', '--firewall', ''), [...FIREWALL_CHOICES].sort())
  t.same(complete('serve', '--firewall', '=', 'nf'), ['nft'])
  t.same(complete('serve', '--run-dir', ''), ['sub'])
  t.same(complete('serve', '--log-file', '='), ['file', 'sub'])
  t.same(complete('serve', '--port', ''), [])
  t.end()
})

t.test('zsh is told of every command and option', (t) => {
  const script = zshCompletion()
  for (const [name, { describe }] of commands)
    t.ok(script.includes(`'${name}:${describe.replaceAll(':', '\\:')}'`), name)
  for (const name of [...always, ...own]) t.match(script, new RegExp(`'--${name}=?\\[`))
  t.end()
})

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
