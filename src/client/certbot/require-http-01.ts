/** Whether a lineage can be renewed by http-01: what its certificate and its renewal configuration say. */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../../failure.js'
import type { RenewalFile } from './lineages.js'
import { readRenewalParameters, type RenewalParameters } from './renewal-configuration.js'

/**
 * Makes sure that the hooks can renew a lineage: that no name of it has a wildcard, and that it is not renewed by
 * dns-01 now. `isForced` passes over the second. A certificate that cannot be read says nothing.
 * @throws Failure `wildcard-lineage` or `dns-lineage` with the reason, `renewal-malformed`
 */
export function requireHttp01(name: string, { configDirectory, text }: RenewalFile, isForced: boolean): void {
  const wildcard = namesOf(join(configDirectory, 'live', name, 'cert.pem')).find((each) => each.startsWith('*.'))
  if (wildcard !== undefined)
    throw new Failure(
      'wildcard-lineage',
      `${name} has the name ${wildcard}: a wildcard needs dns-01, the hooks pass http-01`,
    )
  const reason = dnsReason(readRenewalParameters(text))
  if (reason !== undefined && !isForced)
    throw new Failure('dns-lineage', `${name} is renewed by dns-01 now (${reason}), and the hooks pass http-01`)
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
export function dnsReason({ authenticator, pref_challs: preferred }: RenewalParameters): string | undefined {
  const challenges = preferred === undefined ? [] : [preferred].flat()
  if (challenges.some((type) => /^dns/.test(type)) && !challenges.some((type) => /^http/.test(type)))
    return `pref_challs = ${challenges.join(', ')}`
  const plugin = [authenticator ?? ''].flat().join()
  return /(^|[^a-z])dns([^a-z]|$)/i.test(plugin) ? `authenticator = ${plugin}` : undefined
}
