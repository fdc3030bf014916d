/** dehydrated's configuration: HOOK and HOOK_CHAIN in a file that bash reads. Pure. */
import { join } from 'node:path'
import { Failure } from '../../failure.js'
import type { ClientConfiguration, HookUse, MachineFacts } from '../configuration.js'
import { readVariables, setVariables } from './shell-variables.js'

const USUAL = '/etc/dehydrated/config'
const DIRECTORY = '/etc/dehydrated/conf.d'

/** The challenge types that our hook passes. */
const PASSED = ['http-01', 'dns-01', 'tls-alpn-01']

/** The configuration of dehydrated. `--adopt` takes its file, or that of one certificate. */
export const configuration: ClientConfiguration = {
  place: { what: 'its configuration file', usual: USUAL },

  plan(path, hook, read) {
    const before = read(path)
    if (before === undefined)
      throw new Failure('client-configuration', `${path} is not there: is this dehydrated's configuration?`)
    const { HOOK } = readVariables(before)
    if (HOOK && HOOK !== hook.path && HOOK !== hook.then)
      throw new Failure('other-hook', `${path} sets HOOK to ${HOOK}`)
    const after = setVariables(before, assignments(hook))
    return after === before ? [] : [{ path, before, after }]
  },

  instructions: (hook) => [
    `These lines in ${USUAL}, or in a file conf.d/NAME.sh beside it:`,
    '',
    ...setVariables('', assignments(hook))
      .trimEnd()
      .split('\n')
      .map((line) => `    ${line}`),
  ],

  users({ read, list, isOurs }) {
    return filesOf(list).filter((path) => {
      const { HOOK } = readVariables(read(path) ?? '')
      return HOOK !== undefined && isOurs(HOOK)
    })
  },

  examine({ read, list, exists, isOurs }) {
    const { HOOK, HOOK_CHAIN, CHALLENGETYPE, WELLKNOWN } = filesOf(list).reduce<Readonly<Record<string, string>>>(
      (variables, path) => readVariables(read(path) ?? '', variables),
      {},
    )
    if (!HOOK || !isOurs(HOOK)) return []
    if (!exists(HOOK))
      return [
        {
          level: 'fail',
          message: `dehydrated has HOOK=${HOOK}, which is not there`,
          fix: 'run: certbot-nfq install --client dehydrated',
        },
      ]
    if (CHALLENGETYPE && !PASSED.includes(CHALLENGETYPE))
      return [
        {
          level: 'fail',
          message: `dehydrated has our hook, and CHALLENGETYPE=${CHALLENGETYPE}, which it cannot pass`,
          fix: `set CHALLENGETYPE to one of ${PASSED.join(', ')}, or chain a hook for the other type with --then`,
        },
      ]
    if (WELLKNOWN && !exists(WELLKNOWN))
      return [
        {
          level: 'fail',
          message: `dehydrated writes to WELLKNOWN=${WELLKNOWN}, which is not there`,
          fix: `make it, though nothing else needs it: mkdir -p ${WELLKNOWN}`,
        },
      ]
    if (HOOK_CHAIN !== 'yes')
      return [
        {
          level: 'warn',
          message:
            'dehydrated has our hook, but not HOOK_CHAIN=yes: it starts it once for each name, and when one fails, the names before it stay armed until --ttl',
          fix: `set HOOK_CHAIN=yes in ${USUAL}`,
        },
      ]
    return [{ level: 'ok', message: 'dehydrated uses the hook' }]
  },
}

/** Returns the files that dehydrated reads, in its order. */
function filesOf(list: MachineFacts['list']): string[] {
  const names = list(DIRECTORY).filter((name) => name.endsWith('.sh'))
  return [USUAL, ...names.map((name) => join(DIRECTORY, name))]
}

function assignments({ word, variables }: HookUse): (readonly [string, string, boolean?])[] {
  const options = variables.map((variable) => {
    const at = variable.indexOf('=')
    return [variable.slice(0, at), variable.slice(at + 1), true] as const
  })
  return [['HOOK', word], ['HOOK_CHAIN', 'yes'], ...options]
}
