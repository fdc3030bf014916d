/** uacme has no configuration file: the hook is an argument, in whatever script or timer calls it. Pure. */
import { join } from 'node:path'
import { Failure } from '../../failure.js'
import type { ClientConfiguration, HookUse } from '../configuration.js'

/** A call of uacme, to its end, which may be on a later line; and the hook in it. */
const CALL = /(?<![\w./-])((?:\S*\/)?uacme)(?=\s)(?:[^\n\\;&|]|\\[^])*/g
const HOOK = /(?<=\s)(-h|--hook)(\s+|=)("[^"]*"|'[^']*'|[^\s"';&|\\]+)/

/** Where calls usually stand. */
const FILES = ['/etc/crontab']
const DIRECTORIES = [
  '/etc/cron.d',
  '/etc/cron.hourly',
  '/etc/cron.daily',
  '/etc/cron.weekly',
  '/etc/cron.monthly',
  '/var/spool/cron/crontabs',
  '/etc/systemd/system',
]

/** The configuration of uacme. `--adopt` takes the file that calls it. */
export const configuration: ClientConfiguration = {
  place: { what: 'the script, crontab or unit that calls uacme', usual: '/etc/cron.daily/uacme' },

  plan(path, hook, read) {
    const before = read(path)
    if (before === undefined) throw new Failure('client-configuration', `${path} is not there: which file calls uacme?`)
    let calls = 0
    const after = before.replace(CALL, (call, program: string) => {
      const found = HOOK.exec(call)
      if (!found) return call
      calls++
      const other = unquoted(found[3])
      if (other !== hook.path && other !== hook.then)
        throw new Failure('other-hook', `${path} calls uacme with the hook ${other}`)
      const changed = call.replace(HOOK, (_, option: string, space: string) => `${option}${space}${hook.word}`)
      return `${missing(hook, before)}${program}${changed.slice(program.length)}`
    })
    if (calls === 0) throw new Failure('client-configuration', `${path} has no call of uacme with -h or --hook`)
    return after === before ? [] : [{ path, before, after }]
  },

  instructions: (hook) => [
    'In the script or timer that calls uacme:',
    '',
    `    ${[...hook.variables, 'uacme', '-h', hook.word, 'issue', 'example.com'].join(' ')}`,
  ],

  users: ({ read, list, isOurs }) =>
    [...FILES, ...DIRECTORIES.flatMap((directory) => list(directory).map((name) => join(directory, name)))].filter(
      (path) => hooksIn(read(path) ?? '').some(isOurs),
    ),

  // Who else calls it nobody knows.
  examine: () => [],
}

/** Returns the hooks that calls of uacme in a text name. */
function hooksIn(text: string): string[] {
  return [...text.matchAll(CALL)].flatMap(([call]) => {
    const found = HOOK.exec(call)
    return found ? [unquoted(found[3])] : []
  })
}

function unquoted(word = ''): string {
  return word.replace(/^(["'])(.*)\1$/, '$2')
}

/** Returns the variables that the text does not have yet, before the program. */
function missing({ variables }: HookUse, text: string): string {
  return variables
    .filter((variable) => !text.includes(variable))
    .map((variable) => `${variable} `)
    .join('')
}
