/** Reads names of hosts from the command line. */
import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { Failure } from '../failure.js'

/**
 * Reads names as certbot does: the option several times, or commas between names. Returns them in ASCII, each once.
 * `option` is for the message.
 * @throws Failure `bad-option`
 */
export function readNames(given: readonly string[], option: string): string[] {
  const names = given.flatMap((text) => text.split(',')).map((name) => name.trim().replace(/\.$/, ''))
  return [...new Set(names.map((name) => readName(name, option)))]
}

function readName(name: string, option: string): string {
  if (isIP(name) !== 0) return name
  const [, wildcard = '', rest = ''] = /^(\*\.)?(.*)$/s.exec(name) ?? []
  // domainToASCII finds the host in text that begins like a URL. Such text is not a name.
  const ascii = /[\s/\\?#:@%]/.test(rest) ? '' : domainToASCII(rest)
  if (/^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/i.test(ascii) && ascii.length <= 253) return wildcard + ascii
  throw new Failure('bad-option', `--${option} must be a domain name or an address, not ${JSON.stringify(name)}`)
}
