import { isIP } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { examine } from '../../diagnosis/doctor/examine.js'
import { formatFindings, isWell } from '../../diagnosis/doctor/report.js'
import { Failure } from '../../failure.js'
import { HOOK_NAMES, HOOKS_DIRECTORY } from '../../client/certbot/hook-paths.js'
import { whoCanChange } from '../../client/certbot/owners.js'
import { printableJson } from '../../wire/printable.js'
import { CLIENT_HOOKS } from '../client-hooks.js'
import { paintFor } from '../colour.js'
import { examineClients } from './examine-clients.js'
import { keeperCommand } from '../launch.js'
import { readNames } from '../names.js'
import { portFor, type Options } from '../options.js'
import { withOwnCommand } from '../own-command.js'

/** What `doctor` takes besides the options of all commands. */
export interface DoctorOptions {
  readonly names: readonly string[]
  /** The DNS server to ask; undefined stands for the machine's own. */
  readonly resolver: string | undefined
  /** Whether the names are validated by dns-01. */
  readonly isDns: boolean
  /** Whether they are by tls-alpn-01. */
  readonly isTls: boolean
  readonly isJson: boolean
}

/**
 * Prints what may keep a validation from passing. The exit status is 1 when something does. Changes nothing.
 * @throws Failure
 */
export async function doctorCommand(
  options: Options,
  { names, resolver, isDns, isTls, isJson }: DoctorOptions,
): Promise<void> {
  if (isDns && isTls) throw new Failure('bad-option', '--dns and --tls are of two challenge types: give one of them')
  const type = isDns ? 'dns-01' : isTls ? 'tls-alpn-01' : 'http-01'
  const hooks = fileURLToPath(new URL('../../../hooks', import.meta.url))
  const findings = await examine({
    ...options,
    type,
    port: portFor(type, options),
    dns: isDns ? { alias: options.dnsAlias, isShared: options.store !== undefined } : undefined,
    names: readNames(names, 'domain'),
    resolver: readResolver(resolver),
    readFleet: async () =>
      options.store === undefined ? undefined : (await import('../fleet/fleet-reading.js')).readFleet(options),
    hookProbe: [join(hooks, 'run'), 'cli/doctor-probe.js'],
    whoCanChange: (node) =>
      whoCanChange(hooks, [
        node,
        ...[...HOOK_NAMES, ...Object.keys(CLIENT_HOOKS)].map((name) => join(HOOKS_DIRECTORY, name)),
      ]),
    clients: examineClients,
    trial: (node) => keeperCommand('', node, fileURLToPath(new URL('../doctor-probe.js', import.meta.url)), 'trial'),
  })
  process.stdout.write(
    isJson
      ? `${printableJson(JSON.stringify(findings, null, 2))}\n`
      : `${withOwnCommand(formatFindings(findings, paintFor(process.stdout, process.env)))}\n`,
  )
  if (!isWell(findings)) process.exitCode = 1
}

function readResolver(text: string | undefined): string | undefined {
  if (
    text === undefined ||
    isIP(text) !== 0 ||
    isIP(/^(?:\[(.+)\]|([^:]+)):\d{1,5}$/.exec(text)?.slice(1).find(Boolean) ?? '') !== 0
  )
    return text
  throw new Failure('bad-option', `--resolver must be an address, not ${JSON.stringify(text)}`)
}
