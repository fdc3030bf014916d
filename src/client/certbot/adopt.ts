/** Makes an existing lineage of certbot use the hooks, and gives it back what it had. */
import { rmSync } from 'node:fs'
import { Failure } from '../../failure.js'
import { certbotAbility, reconfigureWords, rehearsalWords, runCertbot, type CertbotAbility } from './certbot.js'
import { copyFromBefore } from './copies.js'
import { formatDiff } from '../change/diff.js'
import { certbotArguments, hookParameters, quoteForShell, type HookCommands, type RenewalType } from './hook-command.js'
import { usesHooks } from './lineage-use.js'
import { copyRenewalFile, putRenewalFileBack, readRenewalFile, replaceRenewalFile } from './lineages.js'
import type { RenewalFile } from './lineages.js'
import { readRenewalParameters, setRenewalParameters } from './renewal-configuration.js'
import { typeForRenewal } from './type-for-renewal.js'

/** A change of a lineage, found but not made. */
export interface LineageChange {
  readonly name: string
  /** The change in the form of `diff -u`; empty when there is nothing to change. */
  readonly diff: string
  /** How it is made: by certbot, which rehearses it with the CA first, or by editing the file. */
  readonly by: 'certbot' | 'edit'
  /** The command that makes it, or that rehearses it once the file is edited. Undefined without a certbot in PATH. */
  readonly command: readonly string[] | undefined
  /** The command that rehearses it, by whatever it is made. */
  readonly rehearsal: readonly string[]
  readonly file: RenewalFile
  /** The file's new text, when it is edited. */
  readonly text: string
}

/**
 * Finds out what has to change for a lineage to use the hooks, and changes nothing. One of the manual plugin that is
 * renewed by dns-01 stays with that. `isForced` has one of another plugin renewed by http-01.
 * @throws Failure `lineage-missing`, `wildcard-lineage`, `dns-lineage`, `renewal-malformed`, `bad-option`,
 * `install-failed`
 */
export function planAdoption(
  name: string,
  hooks: HookCommands,
  configDirectory: string,
  isForced: boolean,
): LineageChange {
  const file = readRenewalFile(configDirectory, name)
  const { type, text } = newTextOf(name, file, hooks, isForced)
  const plan = planEdit(name, file, text)
  return plan.certbot === 'reconfigure'
    ? { ...plan, by: 'certbot', command: reconfigureWords(name, certbotArguments(hooks, type), configDirectory) }
    : plan
}

/**
 * Finds out what has to change for a lineage to be as it was before it was adopted, and changes nothing. There is
 * nothing to change when it uses none of these paths.
 * @throws Failure `lineage-missing`, `no-copy`, `renewal-malformed`, `install-failed`
 */
export function planUndoing(name: string, hookPaths: readonly string[], configDirectory: string): LineageChange {
  const file = readRenewalFile(configDirectory, name)
  if (!usesHooks(file.text, hookPaths)) return planEdit(name, file, file.text)
  const copy = copyFromBefore(file, hookPaths)
  if (!copy) throw new Failure('no-copy', `there is no copy of ${file.path} from before ${name} used the hooks`)
  return planEdit(name, file, copy.text)
}

/**
 * Makes the change, and tells each step on a line. It is rehearsed with the CA when there is a certbot. When that
 * fails, the renewal configuration is as it was, with owner and mode. `isForced` makes the change without a rehearsal.
 * @throws Failure `rehearsal-failed`, `certbot-running`, `renewal-changed`, `disk-full`, `install-failed`
 */
export async function changeLineage(
  change: LineageChange,
  isForced: boolean,
  say: (line: string) => void,
): Promise<void> {
  if (change.by === 'certbot') return letCertbotChange(change, say)
  const { file, text, command } = change
  const replaced = await replaceRenewalFile(file, text)
  if (command !== undefined && !isForced) {
    // certbot sleeps for some minutes when nobody is at its standard input.
    const words = [...command, '--no-random-sleep-on-renew']
    say(`Rehearsing the renewal with the CA: ${words.map(quoteForShell).join(' ')}`)
    const status = await runCertbot(words)
    if (status !== 0) {
      await putRenewalFileBack(file, replaced, text)
      throw rehearsalFailed('certbot renew --dry-run', status)
    }
  }
  const { target, backup, losses } = replaced
  const changed = `Changed ${target === file.path ? target : `${target}, where ${file.path} leads`}; as it was before: ${backup}`
  say([changed, ...losses.map((loss) => `Not kept: ${loss}`)].join('\n'))
}

/** Has certbot rehearse and make the change. A copy is kept beside the file, as when it is edited. */
async function letCertbotChange({ command = [], file }: LineageChange, say: (line: string) => void): Promise<void> {
  const backup = await copyRenewalFile(file)
  say(`Running, which rehearses the renewal with the CA first: ${command.map(quoteForShell).join(' ')}`)
  const status = await runCertbot(command)
  if (status !== 0) {
    rmSync(backup, { force: true })
    throw rehearsalFailed('certbot reconfigure', status)
  }
  say(`Changed ${file.path}; as it was before: ${backup}`)
}

function rehearsalFailed(command: string, status: number | string): Failure {
  return new Failure('rehearsal-failed', `${command} ended with ${status}: the renewal configuration is as it was`)
}

function planEdit(name: string, file: RenewalFile, text: string): LineageChange & { readonly certbot: CertbotAbility } {
  const diff = formatDiff(file.path, file.text, text)
  const certbot = diff === '' ? 'absent' : certbotAbility()
  const rehearsal = rehearsalWords(name, serverIn(text), file.configDirectory)
  const command = certbot === 'absent' ? undefined : rehearsal
  return { name, file, text, diff, by: 'edit', command, rehearsal, certbot }
}

/** The CA's directory URL. @throws Failure `renewal-malformed` */
function serverIn(text: string): string | undefined {
  const { server } = readRenewalParameters(text)
  return typeof server === 'string' ? server : undefined
}

function newTextOf(
  name: string,
  file: RenewalFile,
  hooks: HookCommands,
  isForced: boolean,
): { readonly type: RenewalType; readonly text: string } {
  try {
    const type = typeForRenewal(name, file, isForced)
    return { type, text: setRenewalParameters(file.text, hookParameters(hooks, type)) }
  } catch (error) {
    // Only this function knows which file it is.
    if (error instanceof Failure && error.code === 'renewal-malformed')
      throw new Failure('renewal-malformed', `${file.path} is not what certbot writes: ${error.message}`)
    throw error
  }
}
