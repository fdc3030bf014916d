/** `install --client`: makes a client other than certbot use its hook. */
import { mkdirSync, readFileSync, chmodSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatDiff } from '../../client/change/diff.js'
import { writeNewFile } from '../../client/change/new-file.js'
import { replaceFile } from '../../client/change/replace-file.js'
import { quoteForShell } from '../../client/certbot/hook-command.js'
import { inspectHookPaths, writeHookPaths } from '../../client/certbot/hook-paths.js'
import { whoCanChange } from '../../client/certbot/owners.js'
import type { FileChange, HookUse } from '../../client/configuration.js'
import { Failure, fileFailure } from '../../failure.js'
import { CLIENT_HOOKS, type ClientName } from '../client-hooks.js'
import { inspectCommandLink, writeCommandLink } from './command-link.js'
import type { InstallRequest } from './install-command.js'
import { describeLink, describePaths, optionsToKeep } from './install-command.js'
import { variableOf, type Options } from '../options.js'
import { ownCommand } from '../own-command.js'

/**
 * Writes the hook's path, and changes the client's configuration or shows how that is done.
 * @throws Failure
 */
export async function installClient(client: ClientName, options: Options, request: InstallRequest): Promise<void> {
  const own = fileURLToPath(new URL('../../../hooks', import.meta.url))
  const { hooksDir, binDir, isDryRun, adopt } = request
  const paths = inspectHookPaths(hooksDir, own, [client])
  const link = inspectCommandLink(binDir, own)
  const who = whoCanChange(own, [process.execPath, hooksDir])
  if (who !== undefined && !request.isUnsafeOwner)
    throw new Failure('unsafe-owner', `${who}, and so what root would run at each renewal`)
  const configuration = await CLIENT_HOOKS[client].configuration()
  const hook = hookUse(join(hooksDir, client), options)
  // This comes before anything is written, so that a wrong place leaves nothing behind.
  const changes = adopt === undefined ? undefined : configuration.plan(resolve(adopt), hook, readText)
  if (!isDryRun) writeHookPaths(paths)
  say(describePaths(paths, own, isDryRun))
  if (!isDryRun) writeCommandLink(link)
  say(describeLink(link, isDryRun))
  if (changes) return change(client, changes, isDryRun)
  const { what, usual } = configuration.place
  const again = [ownCommand(), 'install', '--client', client, ...optionsToKeep(options).map(quoteForShell)].join(' ')
  say(`\n${configuration.instructions(hook).join('\n')}`)
  say(`\nOr let it be done; --adopt takes ${what}:\n`)
  for (const flag of ['--dry-run ', '']) say(`    ${again} ${flag}--adopt ${usual}`)
}

async function change(client: ClientName, changes: readonly FileChange[], isDryRun: boolean): Promise<void> {
  if (changes.length === 0) return say(`${client} uses this hook already.`)
  for (const { path, before = '', after } of changes) say(formatDiff(path, before, after))
  if (isDryRun) return say('\nNothing was changed.')
  for (const one of changes) say(`\n${await make(one)}`)
}

/** Makes a change. Returns what became of the file. @throws Failure `renewal-changed`, `disk-full`, `install-failed` */
async function make({ path, before, after }: FileChange): Promise<string> {
  try {
    if (before === undefined) {
      mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
      writeNewFile(path, Buffer.from(after), () => undefined)
      // Until it is complete, nobody runs it.
      chmodSync(path, 0o755)
      return `Made ${path}.`
    }
    const { target, backup, losses } = await replaceFile(path, Buffer.from(before), Buffer.from(after))
    const changed = `Changed ${target === path ? target : `${target}, where ${path} leads`}; as it was before: ${backup}`
    return [changed, ...losses.map((loss) => `Not kept: ${loss}`)].join('\n')
  } catch (cause) {
    throw fileFailure(`change ${path}`, cause)
  }
}

function hookUse(path: string, options: Options): HookUse {
  const variables = optionsToKeep(options).map((word) => {
    const [, name = '', value = '1'] = /^--([a-z-]+)(?:=(.*))?$/s.exec(word) ?? []
    return `${variableOf(name)}=${quoteForShell(value)}`
  })
  return { path, word: quoteForShell(path), variables, then: options.then }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw fileFailure(`read ${path}`, cause)
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
