/** acmetool runs every program in its hooks directories. So one more file there is all that it needs. Pure. */
import { join } from 'node:path'
import { Failure } from '../../failure.js'
import type { ClientConfiguration, HookUse } from '../configuration.js'

/** The hooks directories of Debian and of acmetool itself. */
const DIRECTORIES = ['/etc/acme/hooks', '/usr/lib/acme/hooks', '/usr/libexec/acme/hooks']
const USUAL = '/etc/acme/hooks'
const NAME = 'certbot-nfq'
const MARKER = '# Written by `certbot-nfq install --client acmetool`.'

/** Where units are, the ones that count first (systemd.unit(5)). */
const UNITS = ['/etc/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system']

/** The configuration of acmetool. `--adopt` takes a hooks directory. */
export const configuration: ClientConfiguration = {
  place: { what: 'its hooks directory', usual: USUAL },

  plan(directory, hook, read) {
    const path = join(directory, NAME)
    const before = read(path)
    if (before !== undefined && !before.includes(MARKER))
      throw new Failure('other-hook', `${path} is there, and certbot-nfq install did not write it`)
    const after = script(hook)
    return after === before ? [] : [{ path, before, after }]
  },

  instructions: (hook) => [
    `An executable file ${join(USUAL, NAME)} (or in /usr/lib/acme/hooks, where acmetool is not Debian's):`,
    '',
    ...script(hook)
      .trimEnd()
      .split('\n')
      .map((line) => `    ${line}`),
  ],

  users({ read, list, isOurs }) {
    const hooks = DIRECTORIES.flatMap((directory) => list(directory).map((name) => join(directory, name)))
    return hooks.filter((path) => isOurs(path) || namedIn(read(path) ?? '').some(isOurs))
  },

  examine(facts) {
    const { read, list, exists, isOurs, isServed } = facts
    const [used] = this.users(facts)
    if (used === undefined) return []
    const named = namedIn(read(used) ?? '').find(isOurs)
    if (named !== undefined && !exists(named))
      return [
        {
          level: 'fail',
          message: `acmetool's ${used} runs ${named}, which is not there`,
          fix: 'run: certbot-nfq install --client acmetool',
        },
      ]
    const unit = UNITS.map((directory) => join(directory, 'acmetool.service')).find((path) => read(path) !== undefined)
    const isBounded =
      unit !== undefined && isWithoutRights([unit, ...dropIns(list)].map((path) => read(path) ?? '').join('\n'))
    if (isBounded && !isServed)
      return [
        {
          level: 'fail',
          message: `${unit} gives its hooks no CAP_NET_ADMIN, so they cannot start a responder`,
          fix: 'let one run that they can use: systemctl enable --now certbot-nfq (of the Debian package), or certbot-nfq serve',
        },
      ]
    return [{ level: 'ok', message: `acmetool uses the hook, by ${used}` }]
  },
}

function script({ word, variables }: HookUse): string {
  const exports = variables.map((variable) => `export ${variable}\n`).join('')
  return `#!/bin/sh\n${MARKER}\n${exports}exec ${word} "$@"\n`
}

/** Returns the programs that a script runs with `exec`. */
function namedIn(text: string): string[] {
  return [...text.matchAll(/^\s*exec\s+(?:"([^"]*)"|'([^']*)'|(\S+))/gm)].map(
    ([, one, two, three]) => one ?? two ?? three ?? '',
  )
}

function dropIns(list: (directory: string) => readonly string[]): string[] {
  return UNITS.flatMap((unit) => {
    const directory = join(unit, 'acmetool.service.d')
    return list(directory)
      .filter((name) => name.endsWith('.conf'))
      .map((name) => join(directory, name))
  })
}

/** Returns whether a unit, drop-ins included, has a bounding set without CAP_NET_ADMIN (systemd.exec(5)). */
function isWithoutRights(text: string): boolean {
  const sets = [...text.matchAll(/^CapabilityBoundingSet=(.*)$/gm)].map(([, words = '']) => words.trim())
  return sets.length > 0 && !sets.some((words) => /^~|\bCAP_NET_ADMIN\b/.test(words))
}
