/** The certbot of this machine, as far as changing a lineage goes. */
import { spawn, spawnSync } from 'node:child_process'
import { Failure } from '../../failure.js'

/** certbot's configuration, unless it is told otherwise. */
export const CONFIG_DIRECTORY = '/etc/letsencrypt'

/**
 * Whether the certbot in PATH has `reconfigure` (2.3 and later); false when there is none, or one that does not say its
 * version.
 */
export function hasReconfigure(): boolean {
  const { stdout, stderr } = spawnSync('certbot', ['--version'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return isNewEnough(`${stdout}\n${stderr}`)
}

/** The same of what `certbot --version` has printed. */
export function isNewEnough(printed: string): boolean {
  const [, major, minor] = /^certbot (\d+)\.(\d+)/m.exec(printed) ?? []
  return Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 3)
}

/**
 * The words of `certbot reconfigure`: it rehearses the renewal with the CA, and saves the change when that succeeds.
 */
export function reconfigureWords(name: string, hookArguments: readonly string[], configDirectory: string): string[] {
  const directory = configDirectory === CONFIG_DIRECTORY ? [] : ['--config-dir', configDirectory]
  return ['certbot', 'reconfigure', '--cert-name', name, ...hookArguments, '--non-interactive', ...directory]
}

/** Runs it before the user's eyes, with our streams. @throws Failure `reconfigure-failed` */
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
