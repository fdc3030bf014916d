/** `install`: puts the hooks at a path that stays, and makes lineages use them. */
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Failure } from '../failure.js'
import { CONFIG_DIRECTORY } from '../client/certbot/certbot.js'
import { adopt, planAdoption, type Adoption } from '../client/certbot/adopt.js'
import { hookCommands, quoteForShell } from '../client/certbot/hook-command.js'
import {
  HOOKS_DIRECTORY,
  inspectHookPaths,
  isSameDirectory,
  PACKAGED_HOOKS,
  removeHookPaths,
  writeHookPaths,
  type HookPath,
} from '../client/certbot/hook-paths.js'
import { formatInstructions } from '../client/certbot/instructions.js'
import { whoCanChange } from '../client/certbot/owners.js'
import { lineagesThatUse, listLineages } from '../client/certbot/lineages.js'
import { formatOptions, readOptions, type Options } from './options.js'

/** What `certbot-nfq install` is asked to do. */
export interface InstallRequest {
  /** The lineage to change. */
  readonly adopt: string | undefined
  readonly configDir: string
  /** The directory of the hook paths; undefined stands for the default of this installation. */
  readonly hooksDir: string | undefined
  readonly isDryRun: boolean
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
  const [hooksDir, configDir] = [text('hooks-dir'), text('config-dir')]
  const request = {
    adopt: text('adopt'),
    isDryRun: argv['dry-run'] === true,
    isRemoval: argv['remove'] === true,
    isUnsafeOwner: argv['unsafe-owner'] === true,
  }
  if (request.isRemoval && request.adopt !== undefined)
    throw new Failure('bad-option', '--remove and --adopt do not go together')
  return {
    ...request,
    hooksDir: hooksDir === undefined ? undefined : resolve(hooksDir),
    configDir: resolve(configDir ?? CONFIG_DIRECTORY),
  }
}

/**
 * Writes or removes the hook paths and changes a lineage, or only shows what would happen.
 * @throws Failure
 */
export async function installCommand(options: Options, request: InstallRequest): Promise<void> {
  const own = fileURLToPath(new URL('../../hooks', import.meta.url))
  // The path of a package stays as it is, so nothing needs to lead to it.
  const directory = request.hooksDir ?? (isSameDirectory(own, PACKAGED_HOOKS) ? PACKAGED_HOOKS : HOOKS_DIRECTORY)
  const paths = isSameDirectory(own, directory) ? [] : inspectHookPaths(directory, own)
  if (request.isRemoval) return remove(directory, paths, request)

  const who = whoCanChange(own, [process.execPath, directory])
  if (who !== undefined && !request.isUnsafeOwner)
    throw new Failure('unsafe-owner', `${who}, and so what root would run at each renewal`)
  const kept = optionsToKeep(options)
  const hooks = hookCommands(directory, kept)
  // This comes before anything is written, so that a wrong name leaves nothing behind.
  const adoption = request.adopt === undefined ? undefined : planAdoption(request.adopt, hooks, request.configDir)
  if (!request.isDryRun) writeHookPaths(paths)
  say(describePaths(directory, paths, own, request.isDryRun))
  if (adoption) await change(adoption, request)
  else say(`\n${formatInstructions(hooks, [...kept, ...placesOf(request)], listLineages(request.configDir))}`)
}

/**
 * Returns the options that differ from their defaults, whether they came by flag or by variable. They go into the hook
 * command, because certbot's timer does not have our variables.
 */
export function optionsToKeep(options: Options): string[] {
  const defaults = formatOptions(readOptions([], {}))
  return formatOptions(options).filter((word) => !defaults.includes(word))
}

/** Returns the given directories as arguments. */
function placesOf({ hooksDir, configDir }: InstallRequest): string[] {
  return [
    ...(hooksDir === undefined ? [] : [`--hooks-dir=${hooksDir}`]),
    ...(configDir === CONFIG_DIRECTORY ? [] : [`--config-dir=${configDir}`]),
  ]
}

async function change(adoption: Adoption, { isDryRun, configDir }: InstallRequest): Promise<void> {
  const { name, diff, by } = adoption
  if (diff === '') return say(`${name} uses these hooks already.`)
  say(diff)
  if (isDryRun)
    return say(
      by === 'edit'
        ? '\nNothing was changed.'
        : `\nNothing was changed. It would be done by: ${by.command.map(quoteForShell).join(' ')}`,
    )
  await adopt(adoption, (line) => say(`\n${line}`))
  const directory = configDir === CONFIG_DIRECTORY ? '' : ` --config-dir ${quoteForShell(configDir)}`
  if (by === 'edit') say(`Rehearse it with: certbot renew --dry-run --cert-name ${quoteForShell(name)}${directory}`)
}

function describePaths(directory: string, paths: readonly HookPath[], own: string, isDryRun: boolean): string {
  const hooks = `${join(directory, 'auth')} and ${join(directory, 'cleanup')}`
  if (paths.length === 0) return `The hooks are ${hooks}.`
  if (paths.every(({ state }) => state === 'current')) return `The hooks are ${hooks} already; they lead to ${own}.`
  return `${isDryRun ? 'Would write' : 'Wrote'} the hooks ${hooks}; they lead to ${own}.`
}

function remove(directory: string, paths: readonly HookPath[], { isDryRun, configDir }: InstallRequest): void {
  const ours = paths.filter(({ state }) => state === 'current' || state === 'outdated').map(({ path }) => path)
  const { users, unread } = lineagesThatUse(
    configDir,
    paths.map(({ path }) => path),
  )
  if (!isDryRun) removeHookPaths(paths)
  if (ours.length === 0) return say(`No hook paths of certbot-nfq install in ${directory}.`)
  for (const path of ours) say(`${isDryRun ? 'Would remove' : 'Removed'} ${path}`)
  for (const name of users)
    say(
      `${name} names them still and cannot be renewed so: give it another authenticator, or put back its copy ${name}.conf.before-certbot-nfq`,
    )
  for (const { name, why } of unread) say(`Whether ${name} names them still cannot be seen: ${why}`)
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
