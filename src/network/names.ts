/** Looks a name up in the DNS as a CA does, so /etc/hosts is not used. A hook loads this file, so it imports little. */
import { Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { IpVersion } from '../wire/ip.js'
import { canonical, versionOf } from './addresses.js'

/** Milliseconds for all of a name's answers. */
const TIME_LIMIT = 5_000

/** The addresses, none when the name has no record of the type, or why there is no answer. */
export type DnsAnswer =
  | { readonly addresses: readonly string[] }
  | {
      readonly error: 'no such name' | 'no answer' | 'server failure'
      /** In words, with the servers that were asked. */
      readonly detail: string
    }

/** What the DNS answered for a name. */
export interface NameAddresses {
  readonly name: string
  /** Its A records. */
  readonly 4: DnsAnswer
  /** Its AAAA records. */
  readonly 6: DnsAnswer
}

/** Which server to ask, and for how long. */
export interface LookUpOptions {
  /** `192.0.2.53`, `192.0.2.53:53` or `[2001:db8::53]:53`. The default is those of /etc/resolv.conf. */
  readonly resolver?: string | undefined
  /** Milliseconds for both answers, 5,000 by default. */
  readonly timeLimit?: number
}

/**
 * Returns the A and AAAA records of a name. Both are asked for at once, and the time limit holds for both together. An
 * address stands for itself. Errors are data: it throws only for a `resolver` that is not an address
 * (ERR_INVALID_IP_ADDRESS).
 */
export async function lookUp(
  name: string,
  { resolver: server, timeLimit = TIME_LIMIT }: LookUpOptions = {},
): Promise<NameAddresses> {
  if (isIP(name) !== 0) return addressItself(canonical(name))
  // c-ares has a limit for each try and server. The timer below limits all of them together.
  const resolver = new Resolver({ timeout: Math.ceil(timeLimit / 2), tries: 2 })
  if (server !== undefined) resolver.setServers([server])
  const timer = setTimeout(() => resolver.cancel(), timeLimit)
  try {
    const servers = resolver.getServers()
    const [four, six] = await Promise.all([
      answer(resolver.resolve4(name), servers),
      answer(resolver.resolve6(name), servers),
    ])
    return { name, 4: four, 6: six }
  } finally {
    clearTimeout(timer)
  }
}

async function answer(asked: Promise<string[]>, servers: readonly string[]): Promise<DnsAnswer> {
  try {
    return { addresses: (await asked).map(canonical) }
  } catch (thrown) {
    const { code = '', message } = thrown as NodeJS.ErrnoException
    if (code === 'ENODATA') return { addresses: [] }
    if (code === 'ENOTFOUND' || code === 'EBADNAME') return { error: 'no such name', detail: message }
    const who = servers.length === 0 ? 'no resolver is configured' : servers.join(' and ')
    if (['ETIMEOUT', 'ECANCELLED', 'ECONNREFUSED'].includes(code))
      return { error: 'no answer', detail: servers.length === 0 ? who : `no answer from ${who}` }
    return { error: 'server failure', detail: `${who}: ${IN_WORDS[code] ?? message}` }
  }
}

/** What the codes of c-ares mean (RFC 1035, 4.1.1). */
const IN_WORDS: Readonly<Record<string, string>> = {
  ESERVFAIL: 'server failure',
  EREFUSED: 'refuses to answer',
  ENOTIMP: 'does not know the question',
  EFORMERR: 'does not understand the question',
  EBADRESP: 'its answer cannot be read',
}

function addressItself(address: string): NameAddresses {
  const of = (version: IpVersion): DnsAnswer => ({ addresses: versionOf(address) === version ? [address] : [] })
  return { name: address, 4: of(4), 6: of(6) }
}
