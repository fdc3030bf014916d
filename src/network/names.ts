/** What the DNS says of a name, as a CA would see it: /etc/hosts is not asked. Light: a hook loads it too. */
import { Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { IpVersion } from '../wire/ip.js'
import { canonical, versionOf } from './addresses.js'

/** Milliseconds for all of a name's answers. */
const TIME_LIMIT = 5_000

/** Addresses (none: the name has no record of the type), or why there is no answer. */
export type DnsAnswer =
  | { readonly addresses: readonly string[] }
  | { readonly error: 'no such name' | 'no answer' | 'server failure'; readonly detail: string }

export interface NameAddresses {
  readonly name: string
  /** Its A records. */
  readonly 4: DnsAnswer
  /** Its AAAA records. */
  readonly 6: DnsAnswer
}

/** Whom to ask, and how long. */
export interface LookUpOptions {
  /** `192.0.2.53`, `192.0.2.53:53` or `[2001:db8::53]:53`; without it those of /etc/resolv.conf. */
  readonly resolver?: string | undefined
  /** Milliseconds for both answers; 5 s unless said. */
  readonly timeLimit?: number
}

/**
 * A and AAAA of a name, both asked at once; never takes longer than the limit. An address stands for itself. Errors are
 * data: it throws only for a `resolver` that is no address (ERR_INVALID_IP_ADDRESS).
 */
export async function lookUp(
  name: string,
  { resolver: server, timeLimit = TIME_LIMIT }: LookUpOptions = {},
): Promise<NameAddresses> {
  if (isIP(name) !== 0) return addressItself(canonical(name))
  // c-ares has a limit for each try and server; ours, below, is for all of them.
  const resolver = new Resolver({ timeout: Math.ceil(timeLimit / 2), tries: 2 })
  if (server !== undefined) resolver.setServers([server])
  const timer = setTimeout(() => resolver.cancel(), timeLimit)
  try {
    const [four, six] = await Promise.all([answer(resolver.resolve4(name)), answer(resolver.resolve6(name))])
    return { name, 4: four, 6: six }
  } finally {
    clearTimeout(timer)
  }
}

async function answer(asked: Promise<string[]>): Promise<DnsAnswer> {
  try {
    return { addresses: (await asked).map(canonical) }
  } catch (thrown) {
    const { code = '', message } = thrown as NodeJS.ErrnoException
    if (code === 'ENODATA') return { addresses: [] }
    if (code === 'ENOTFOUND' || code === 'EBADNAME') return { error: 'no such name', detail: message }
    return {
      error: ['ETIMEOUT', 'ECANCELLED', 'ECONNREFUSED'].includes(code) ? 'no answer' : 'server failure',
      detail: message,
    }
  }
}

function addressItself(address: string): NameAddresses {
  const of = (version: IpVersion): DnsAnswer => ({ addresses: versionOf(address) === version ? [address] : [] })
  return { name: address, 4: of(4), 6: of(6) }
}
