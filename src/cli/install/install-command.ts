/** `install`: puts hooks and command at paths that stay, and makes lineages use the hooks or gives them back. */
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Failure } from '../../failure.js'
import { changeLineage, planAdoption, planUndoing, type LineageChange } from '../../client/certbot/adopt.js'
import { CONFIG_DIRECTORY } from '../../client/certbot/certbot.js'
import { hookCommands, quoteForShell } from '../../client/certbot/hook-command.js'
import {
  HOOK_NAMES,
  HOOKS_DIRECTORY,
  inspectHookPaths,
  removeHookPaths,
  writeHookPaths,
  type HookPath,
} from '../../client/certbot/hook-paths.js'
import { formatInstructions } from '../../client/certbot/instructions.js'
import { lineagesThatUse } from '../../client/certbot/lineage-use.js'
import { listLineages } from '../../client/certbot/lineages.js'
import { whoCanChange } from '../../client/certbot/owners.js'
import { CLIENT_HOOKS, isClientName, type ClientName } from '../client-hooks.js'
import {
  COMMAND_DIRECTORY,
  inspectCommandLink,
  removeCommandLink,
  writeCommandLink,
  type CommandLink,
} from './command-link.js'
import { formatOptions, readOptions, type Options } from '../options.js'
import { ownCommand } from '../own-command.js'

/** What `certbot-nfq install` is asked to do. */
export interface InstallRequest {
  /** The client other than certbot whose hook is meant. */
  readonly client: ClientName | undefined
  /** The lineage to change; of another client the file or directory. */
  readonly adopt: string | undefined
  /** The lineage to give back what it had. */
  readonly undo: string | undefined
  /** The directory of the command's link. */
  readonly binDir: string
  readonly configDir: string
  /** The directory of the hook paths. */
  readonly hooksDir: string
  readonly isDryRun: boolean
  /** Whether to do what is refused for good reasons: see the commands. */
  readonly isForced: boolean
  readonly isRemoval: boolean
  /** Whether to install even where another user than root can change what root would run. */
  readonly isUnsafeOwner: boolean
}

/** Reads the flags of `install`. @throws Failure `bad-option` */
export function readInstallRequest(argv: Readonly<Record<string, unknown>>): InstallRequest {
  const text = (name: string): string | undefined => {
    const value: unknown = Array.isArray(argv[name]) ? argv[name].at(-1) : argv[name]
    if (value === '') throw new Failure('bad-option', `--${name} must not be empty`)
    return typeof value === 'string' ? value : undefined
  }
  const client = text('client')
  if (client !== undefined && !isClientName(client))
    throw new Failure(
      'bad-option',
      `--client must be one of ${Object.keys(CLIENT_HOOKS).join(', ')}, not ${JSON.stringify(client)}`,
    )
  const request = {
    client,
    adopt: text('adopt'),
    undo: text('undo'),
    isDryRun: argv['dry-run'] === true,
    isForced: argv['force'] === true,
    isRemoval: argv['remove'] === true,
    isUnsafeOwner: argv['unsafe-owner'] === true,
  }
  const acts = [request.isRemoval && '--remove', request.adopt && '--adopt', request.undo && '--undo'].filter(Boolean)
  if (client !== undefined && (request.isRemoval || request.undo !== undefined))
    throw new Failure('bad-option', '--client goes with --adopt alone: --undo is for lineages, and --remove for all')
  if (acts.length > 1) throw new Failure('bad-option', `${acts.join(' and ')} do not go together`)
  return {
    ...request,
    binDir: resolve(text('bin-dir') ?? COMMAND_DIRECTORY),
    hooksDir: resolve(text('hooks-dir') ?? HOOKS_DIRECTORY),
    configDir: resolve(text('config-dir') ?? CONFIG_DIRECTORY),
  }
}

/**
 * Writes or removes hook paths and command, changes a lineage, or only shows what would happen.
 * @throws Failure
 */
export async function installCommand(options: Options, request: InstallRequest): Promise<void> {
  if (request.client !== undefined) {
    const { installClient } = await import('./install-client.js')
    return installClient(request.client, options, request)
  }
  const own = fileURLToPath(new URL('../../../hooks', import.meta.url))
  const { hooksDir, binDir, configDir, isDryRun, isForced } = request
  const paths = inspectHookPaths(hooksDir, own)
  const link = inspectCommandLink(binDir, own)
  if (request.undo !== undefined) {
    const hookPaths = [...paths.map(({ path }) => path), ...HOOK_NAMES.map((name) => join(own, name))]
    return change(planUndoing(request.undo, hookPaths, configDir), request, `does not use these hooks.`)
  }
  if (request.isRemoval)
    return remove([...paths, ...inspectHookPaths(hooksDir, own, Object.keys(CLIENT_HOOKS))], link, request)

  const who = whoCanChange(own, [process.execPath, hooksDir])
  if (who !== undefined && !request.isUnsafeOwner)
    throw new Failure('unsafe-owner', `${who}, and so what root would run at each renewal`)
  const kept = optionsToKeep(options)
  const hooks = hookCommands(hooksDir, kept)
  // This comes before anything is written, so that a wrong name leaves nothing behind.
  const adoption = request.adopt === undefined ? undefined : planAdoption(request.adopt, hooks, configDir, isForced)
  if (!isDryRun) writeHookPaths(paths)
  say(describePaths(paths, own, isDryRun))
  if (!isDryRun) writeCommandLink(link)
  say(describeLink(link, isDryRun))
  if (adoption) await change(adoption, request, 'uses these hooks already.')
  else say(`\n${formatInstructions(hooks, ownCommand(), [...kept, ...placesOf(request)], listLineages(configDir))}`)
}

/**
 * Returns the options that differ from their defaults, whether they came by flag or by variable. They go into the hook
 * command, because certbot's timer does not have our variables.
 */
export function optionsToKeep(options: Options): string[] {
  const defaults = formatOptions(readOptions([], {}))
  return formatOptions(options).filter((word) => !defaults.includes(word))
}

/** Returns the directories that are not the usual ones, as arguments. */
function placesOf({ hooksDir, binDir, configDir }: InstallRequest): string[] {
  return [
    ...(hooksDir === HOOKS_DIRECTORY ? [] : [`--hooks-dir=${hooksDir}`]),
    ...(binDir === COMMAND_DIRECTORY ? [] : [`--bin-dir=${binDir}`]),
    ...(configDir === CONFIG_DIRECTORY ? [] : [`--config-dir=${configDir}`]),
  ]
}

/** Changes a lineage, or shows how it would be changed. `otherwise` says that there is nothing to change. */
async function change(
  planned: LineageChange,
  { isDryRun, isForced }: InstallRequest,
  otherwise: string,
): Promise<void> {
  const { name, diff, by, command, rehearsal } = planned
  if (diff === '') return say(`${name} ${otherwise}`)
  say(diff)
  if (isDryRun) {
    const how = { certbot: 'It would be done by', edit: 'It would then be rehearsed by' }[by]
    return say(`\nNothing was changed.${command ? ` ${how}: ${command.map(quoteForShell).join(' ')}` : ''}`)
  }
  await changeLineage(planned, isForced, (line) => say(`\n${line}`))
  if (by === 'edit' && (isForced || command === undefined))
    say(`Rehearse it with: ${rehearsal.map(quoteForShell).join(' ')}`)
}

/** Returns what was done, or would be, about hook paths, for a person. */
export function describePaths(paths: readonly HookPath[], own: string, isDryRun: boolean): string {
  const hooks = paths.map(({ path }) => path).join(' and ')
  const [are, lead] = paths.length === 1 ? ['hook is', 'it leads'] : ['hooks are', 'they lead']
  if (paths.every(({ state }) => state === 'own')) return `The ${are} ${hooks}.`
  if (paths.every(({ state }) => state === 'current')) return `The ${are} ${hooks} already; ${lead} to ${own}.`
  return `${isDryRun ? 'Would write' : 'Wrote'} the ${are.split(' ')[0] ?? ''} ${hooks}; ${lead} to ${own}.`
}

/** Returns the same of the command's link. */
export function describeLink({ path, target, state }: CommandLink, isDryRun: boolean): string {
  switch (state) {
    case 'absent':
    case 'outdated':
      return `${isDryRun ? 'Would make' : 'Made'} the command ${path}; it leads to ${target}.`
    case 'foreign':
      return `${path} is not ours and stays as it is: the command is ${target}.`
    default:
      return `The command is ${path}.`
  }
}

/**
 * Removes what `install` has made, unless a lineage or another client needs it.
 * @throws Failure `hooks-in-use`, `client-uses-hook`, `install-failed`
 */
async function remove(
  paths: readonly HookPath[],
  link: CommandLink,
  { isDryRun, isForced, hooksDir, configDir }: InstallRequest,
): Promise<void> {
  const ours = paths.filter(({ state }) => state === 'current' || state === 'outdated').map(({ path }) => path)
  const hasLink = link.state === 'current' || link.state === 'outdated'
  const { users, unread } = lineagesThatUse(configDir, ours)
  if (users.length > 0 && !isForced)
    throw new Failure(
      'hooks-in-use',
      `${users.join(', ')} ${users.length === 1 ? 'is' : 'are'} renewed by the hooks in ${hooksDir}: nothing was removed`,
    )
  const { filesThatUse } = await import('../doctor/examine-clients.js')
  const files = await filesThatUse(ours)
  if (files.length > 0 && !isForced)
    throw new Failure(
      'client-uses-hook',
      `${files.join(', ')} ${files.length === 1 ? 'names' : 'name'} a hook in ${hooksDir}: nothing was removed`,
    )
  if (!isDryRun) {
    removeHookPaths(paths)
    removeCommandLink(link)
  }
  if (ours.length === 0)
    say(`No hook paths of certbot-nfq install in ${hooksDir}; those of the Debian package go with it.`)
  for (const path of [...ours, ...(hasLink ? [link.path] : [])]) say(`${isDryRun ? 'Would remove' : 'Removed'} ${path}`)
  for (const name of users)
    say(`${name} ${isDryRun ? 'could not' : 'cannot'} be renewed so: give it another authenticator`)
  for (const file of files) say(`${file} ${isDryRun ? 'would name' : 'names'} a hook that is gone`)
  for (const { name, why } of unread) say(`Whether ${name} names them still cannot be seen: ${why}`)
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
