/** The diagnosis of a challenge that nobody asked for: where the name leads to, and what that makes likely. Pure. */
import type { ChallengeStatus } from '../../control/challenge-status.js'
import type { MachineAddress } from '../../network/addresses.js'
import type { NameAddresses } from '../../network/names.js'
import { groupRecords, RECORD_TYPES, type RecordGroup, type Whereabouts } from '../../network/records.js'
import { count, list, type Diagnosis, type DiagnosisCode } from './diagnosis.js'

/** The port that every CA asks (RFC 8555, 8.3). */
const HTTP_PORT = 80

/**
 * Returns the diagnosis. `names` are the addresses of the challenge's identifier, `machine` those of this machine.
 * `isDeserted`: nobody listens on the port, nor did the responder.
 */
export function diagnoseUnasked(
  challenge: ChallengeStatus,
  names: NameAddresses,
  machine: readonly MachineAddress[],
  isDeserted = false,
): Diagnosis {
  const { identifier, port } = challenge
  const groups = groupRecords(names, machine)
  if (isDeserted && !isWrong(groups))
    return {
      code: 'nobody-listens',
      cause: `no request for ${identifier} reached port ${port} of this machine: nobody listens there, and with --no-standalone certbot-nfq does not either`,
    }
  const causes = [...causesIn(groups, port), ...otherTokens(challenge)]
  return {
    code: codeFor(groups, challenge),
    cause: `no request for ${identifier} reached port ${port} of this machine: ${causes.join('; ')}`,
  }
}

/** Returns whether the records are wrong whoever listens. */
function isWrong(groups: readonly RecordGroup[]): boolean {
  return groups.length === 0 || groups.some(({ where }) => where === 'elsewhere' || where === 'no such name')
}

function causesIn(groups: readonly RecordGroup[], port: number): string[] {
  if (groups.length === 0) return ['the DNS has neither A nor AAAA for it']
  const known = groups.filter(({ where }) => where !== 'no such name')
  if (known.length === 0) return ['the DNS knows no such name']
  const silent = known.filter(({ where }) => where === 'no answer')
  // What holds for both types is said once.
  if (silent.length === 2) return [`its addresses could not be looked up (${silent[0]?.detail ?? ''})`]
  const wrong = known.filter(({ where }) => where !== 'here')
  if (wrong.length > 0) return wrong.map((group) => causeOf(group, port))
  const isOne = known.flatMap(({ addresses }) => addresses).length === 1
  return [`its ${known.map(nameRecords).join(' and ')} ${isOne ? 'leads' : 'lead'} here, ${suspects(port)}`]
}

function causeOf(group: RecordGroup, port: number): string {
  const { version, where, addresses, detail = '' } = group
  const isOne = addresses.length === 1
  const has = `it has ${isOne ? 'an ' : ''}${nameRecords(group)}`
  if (where === 'no answer') return `its ${RECORD_TYPES[version]} could not be looked up (${detail})`
  if (where === 'not public')
    return `${has}, ${isOne ? 'an address' : 'addresses'} that no CA on the Internet can reach`
  const elsewhere = `${has} that ${isOne ? 'is not an address' : 'are not addresses'} of this machine`
  if (where !== 'behind NAT') return elsewhere
  return `${elsewhere}, which has only private ones: a router must forward its port ${HTTP_PORT} to port ${port} here`
}

/** Returns `A 192.0.2.1`, or `AAAA 2001:db8::1 and 2001:db8::2`. */
function nameRecords({ version, addresses }: RecordGroup): string {
  return `${RECORD_TYPES[version]} ${list(addresses)}`
}

function suspects(port: number): string {
  if (port !== HTTP_PORT) return `but a CA asks port ${HTTP_PORT}, and nothing brought that to port ${port}`
  return 'so a firewall kept the requests out, a load balancer took them elsewhere, or the CA did not ask at all'
}

function otherTokens({ strays }: ChallengeStatus): string[] {
  if (!strays) return []
  const { client, token } = strays
  return [`${count(strays.count, 'request')} came for other tokens, last from ${client} for ${token}`]
}

/** The codes by the place that a record leads to. The first that applies counts. */
const codes = [
  ['elsewhere', 'elsewhere'],
  ['not public', 'not-public'],
  ['behind NAT', 'behind-nat'],
  ['no answer', 'lookup-failed'],
] as const satisfies readonly (readonly [Whereabouts, DiagnosisCode])[]

function codeFor(groups: readonly RecordGroup[], { port, strays }: ChallengeStatus): DiagnosisCode {
  const known = groups.filter(({ where }) => where !== 'no such name')
  if (known.length === 0) return 'no-such-name'
  const elsewhere = known.filter(({ where }) => where === 'elsewhere')
  const isIpv6Alone =
    elsewhere.length > 0 &&
    elsewhere.every(({ version }) => version === 6) &&
    known.some(({ version }) => version === 4)
  if (isIpv6Alone) return 'ipv6-elsewhere'
  const found = codes.find(([where]) => known.some((group) => group.where === where))
  if (found) return found[1]
  if (strays) return 'other-token'
  return port === HTTP_PORT ? 'not-let-in' : 'other-port'
}
