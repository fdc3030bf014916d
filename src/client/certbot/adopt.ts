/** Makes an existing lineage of certbot use the hooks. */
import { certbotArguments, hookParameters, quoteForShell, type HookCommands } from './hook-command.js'
import { hasReconfigure, reconfigureWords, runCertbot } from './certbot.js'
import { formatDiff } from './diff.js'
import { readRenewalFile, replaceRenewalFile, type RenewalFile } from './lineages.js'
import { setRenewalParameters } from './renewal-configuration.js'
import { Failure } from '../../failure.js'

/** A change of a lineage, found but not made. */
export interface Adoption {
  readonly name: string
  /** The change in the form of `diff -u`; empty when there is nothing to change. */
  readonly diff: string
  /** How it is made: by this command, which asks the CA, or by editing the file. */
  readonly by: { readonly command: readonly string[] } | 'edit'
  readonly file: RenewalFile
  /** The file's new text, when it is edited. */
  readonly text: string
}

/**
 * Finds out what has to change, and changes nothing.
 * @throws Failure `lineage-missing`, `renewal-malformed`, `bad-option`, `install-failed`
 */
export function planAdoption(name: string, hooks: HookCommands, configDirectory: string): Adoption {
  const file = readRenewalFile(configDirectory, name)
  const text = newTextOf(file, hooks)
  const command = reconfigureWords(name, certbotArguments(hooks), configDirectory)
  return {
    name,
    file,
    text,
    diff: formatDiff(file.path, file.text, text),
    by: text !== file.text && hasReconfigure() ? { command } : 'edit',
  }
}

/**
 * Makes the change, and tells each step on a line.
 * @throws Failure `reconfigure-failed`, `certbot-running`, `renewal-changed`, `disk-full`, `install-failed`
 */
export async function adopt({ by, file, text }: Adoption, say: (line: string) => void): Promise<void> {
  if (by !== 'edit') {
    say(`Running, which rehearses the renewal with the CA first: ${by.command.map(quoteForShell).join(' ')}`)
    await runCertbot(by.command)
  } else {
    const { target, backup, losses } = await replaceRenewalFile(file, text)
    const changed = `Changed ${target === file.path ? target : `${target}, where ${file.path} leads`}; as it was before: ${backup}`
    say([changed, ...losses.map((loss) => `Not kept: ${loss}`)].join('\n'))
  }
}

function newTextOf(file: RenewalFile, hooks: HookCommands): string {
  try {
    return setRenewalParameters(file.text, hookParameters(hooks))
  } catch (error) {
    // Only this function knows which file it is.
    if (error instanceof Failure && error.code === 'renewal-malformed')
      throw new Failure('renewal-malformed', `${file.path} is not what certbot writes: ${error.message}`)
    throw error
  }
}
