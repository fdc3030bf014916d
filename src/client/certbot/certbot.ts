/** The certbot of this machine, as far as it is used to change a lineage. */
import { spawn, spawnSync } from 'node:child_process'

/** The default directory of certbot's configuration. */
export const CONFIG_DIRECTORY = '/etc/letsencrypt'

/**
 * What the certbot in PATH can do: `reconfigure` a lineage (2.3 and later), or `renew` it only. Absent when there is
 * none.
 */
export type CertbotAbility = 'reconfigure' | 'renew' | 'absent'

/** Returns what the certbot in PATH can do. One that does not print its version counts as an old one. */
export function certbotAbility(): CertbotAbility {
  const { stdout, stderr, error } = spawnSync('certbot', ['--version'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (error) return 'absent'
  return isNewEnough(`${stdout}\n${stderr}`) ? 'reconfigure' : 'renew'
}

/** Returns whether a certbot has `reconfigure`, from the output of `certbot --version`. */
export function isNewEnough(printed: string): boolean {
  const [, major, minor] = /^certbot (\d+)\.(\d+)/m.exec(printed) ?? []
  return Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 3)
}

/**
 * Returns the words of `certbot reconfigure`. That rehearses the renewal with the CA, and saves the change when the
 * rehearsal succeeds.
 */
export function reconfigureWords(name: string, hookArguments: readonly string[], configDirectory: string): string[] {
  const words = ['certbot', 'reconfigure', '--cert-name', name, ...hookArguments, '--non-interactive']
  return [...words, ...placeOf(configDirectory)]
}

/**
 * Returns the words that rehearse the renewal of a lineage with the CA, as its renewal configuration is. `server` is
 * the directory URL there. Unless certbot is told, a dry run goes to Let's Encrypt's staging server, whatever CA the
 * lineage is from.
 */
export function rehearsalWords(name: string, server: string | undefined, configDirectory: string): string[] {
  const where = server === undefined || LETS_ENCRYPT.test(server) ? [] : ['--server', server]
  return ['certbot', 'renew', '--dry-run', '--cert-name', name, ...where, ...placeOf(configDirectory)]
}

const LETS_ENCRYPT = /^https:\/\/[^/]*\.api\.letsencrypt\.org\//

function placeOf(configDirectory: string): string[] {
  return configDirectory === CONFIG_DIRECTORY ? [] : ['--config-dir', configDirectory]
}

/**
 * Runs certbot with our output, so that the user sees it. Returns its exit status, the name of the signal that ended
 * it, or why it did not start. Whoever interrupts us interrupts certbot: we stay, to do what is to be done then.
 */
export async function runCertbot(words: readonly string[]): Promise<number | string> {
  const [program = '', ...rest] = words
  const passOn = (signal: NodeJS.Signals) => void certbot.kill(signal)
  // The terminal sends this one to certbot too. Twice, it would interrupt what certbot clears up.
  const stay = () => undefined
  // The handlers are set before certbot starts, which may take longer than a signal.
  process.on('SIGINT', stay).on('SIGTERM', passOn).on('SIGHUP', passOn)
  const certbot = spawn(program, rest, { stdio: ['ignore', 'inherit', 'inherit'] })
  try {
    return await new Promise((resolve) => {
      certbot
        .on('error', (error) => resolve(error.message))
        .on('exit', (code, signal) => resolve(code ?? signal ?? 'nothing'))
    })
  } finally {
    process.off('SIGINT', stay).off('SIGTERM', passOn).off('SIGHUP', passOn)
  }
}
