/** By which challenge type the hooks can renew a lineage: what its certificate and its renewal configuration say. */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../../failure.js'
import type { RenewalType } from './hook-command.js'
import type { RenewalFile } from './lineages.js'
import { readRenewalParameters, type RenewalParameters } from './renewal-configuration.js'

/**
 * Returns the challenge type by which the hooks are to renew a lineage. One that certbot's manual plugin renews by
 * dns-01 stays with it, whatever hook it has. Otherwise it is http-01, which must do: no name of it has a wildcard, and
 * it is not renewed by dns-01 now. `isForced` passes over the second. A certificate that cannot be read says nothing.
 * @throws Failure `wildcard-lineage` or `dns-lineage` with the reason, `renewal-malformed`
 */
export function typeForRenewal(name: string, { configDirectory, text }: RenewalFile, isForced: boolean): RenewalType {
  const parameters = readRenewalParameters(text)
  const reason = dnsReason(parameters)
  if (reason !== undefined && pluginOf(parameters) === 'manual') return 'dns-01'
  const wildcard = namesOf(join(configDirectory, 'live', name, 'cert.pem')).find((each) => each.startsWith('*.'))
  if (wildcard !== undefined)
    throw new Failure(
      'wildcard-lineage',
      `${name} has the name ${wildcard}, which needs dns-01, and is renewed by ${pluginOf(parameters) || 'nothing'} now`,
    )
  if (reason !== undefined && !isForced)
    throw new Failure('dns-lineage', `${name} is renewed by dns-01 now (${reason})`)
  return 'http-01'
}

/**
 * Returns the names of a certificate (RFC 5280, 4.2.1.6), of its first one if the file has several. Returns none when
 * it cannot be read.
 */
export function namesOf(path: string): string[] {
  try {
    const { subjectAltName = '' } = new X509Certificate(readFileSync(path))
    return [...subjectAltName.matchAll(/(?:^|, )DNS:([^,\s"]+)/g)].map(([, name = '']) => name)
  } catch {
    return []
  }
}

/** Returns the entry that says that a lineage is renewed by dns-01; undefined when none does. */
export function dnsReason(parameters: RenewalParameters): string | undefined {
  const { pref_challs: preferred } = parameters
  const challenges = preferred === undefined ? [] : [preferred].flat()
  if (challenges.some((type) => /^dns/.test(type)) && !challenges.some((type) => /^http/.test(type)))
    return `pref_challs = ${challenges.join(', ')}`
  const plugin = pluginOf(parameters)
  return /(^|[^a-z])dns([^a-z]|$)/i.test(plugin) ? `authenticator = ${plugin}` : undefined
}

function pluginOf({ authenticator }: RenewalParameters): string {
  return [authenticator ?? ''].flat().join()
}
