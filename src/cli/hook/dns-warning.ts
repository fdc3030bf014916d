/** What an auth hook says of dns-01 before the CA is asked. Loaded only for such a challenge. */
import { judgeDnsName, readDnsName } from '../../diagnosis/doctor/dns-names.js'
import { addressesOfMachine } from '../../network/addresses.js'
import type { Options } from '../options.js'
import { warn } from '../report.js'

/** Milliseconds for all that is looked up, while the client waits. */
const TIME_LIMIT = 3_000

/**
 * Warns of the first of these names that the DNS does not lead here with. Whatever it finds, the challenges are armed.
 * What cannot be looked up in time is not told of.
 */
export async function warnOfDns(
  identifiers: readonly string[],
  { dnsAlias: alias, store }: Pick<Options, 'dnsAlias' | 'store'>,
): Promise<void> {
  try {
    const host = { machine: addressesOfMachine(), isShared: store !== undefined }
    const failures = await Promise.all(
      [...new Set(identifiers)].map(async (identifier) => {
        const name = { identifier, alias }
        return judgeDnsName(name, await readDnsName(name, { timeLimit: TIME_LIMIT }), host)
      }),
    )
    const failure = failures.find((one) => one !== undefined)
    if (failure) warn(failure)
  } catch {
    // Nothing depends on it.
  }
}
