/** The certbot of this machine, as far as it is used to change a lineage. */
import { spawn, spawnSync } from 'node:child_process'
import { Failure } from '../../failure.js'

/** The default directory of certbot's configuration. */
export const CONFIG_DIRECTORY = '/etc/letsencrypt'

/**
 * Returns whether the certbot in PATH has `reconfigure` (2.3 and later). Returns false when there is none, or when it
 * does not print its version.
 */
export function hasReconfigure(): boolean {
  const { stdout, stderr } = spawnSync('certbot', ['--version'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return isNewEnough(`${stdout}\n${stderr}`)
}

/** Returns the same, from the output of `certbot --version`. */
export function isNewEnough(printed: string): boolean {
  const [, major, minor] = /^certbot (\d+)\.(\d+)/m.exec(printed) ?? []
  return Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 3)
}

/**
 * Returns the words of `certbot reconfigure`. That rehearses the renewal with the CA, and saves the change when the
 * rehearsal succeeds.
 */
export function reconfigureWords(name: string, hookArguments: readonly string[], configDirectory: string): string[] {
  const directory = configDirectory === CONFIG_DIRECTORY ? [] : ['--config-dir', configDirectory]
  return ['certbot', 'reconfigure', '--cert-name', name, ...hookArguments, '--non-interactive', ...directory]
}

/**
 * Runs certbot with our streams, so that the user sees it.
 * @throws Failure `reconfigure-failed`
 */
export async function runCertbot(words: readonly string[]): Promise<void> {
  const [program = '', ...rest] = words
  const status = await new Promise<string | number | null>((resolve) => {
    const certbot = spawn(program, rest, { stdio: ['ignore', 'inherit', 'inherit'] })
    certbot.on('error', (error) => resolve(error.message)).on('exit', (code, signal) => resolve(code ?? signal))
  })
  if (status !== 0)
    throw new Failure(
      'reconfigure-failed',
      `certbot reconfigure ended with ${status ?? 'nothing'}: the renewal configuration is as it was`,
    )
}
