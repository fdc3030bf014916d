/** The challenges of a run. */
import { challengeFor, type Challenge as HttpChallenge } from '../scenarios/challenge.js'
import { tlsChallengeFor, type TlsChallenge as AlpnChallenge } from '../tls/validator.js'
import type { RunPlan } from './plan.js'

/** A challenge of http-01. */
export interface PlainChallenge extends HttpChallenge {
  readonly type: 'http-01'
}

/** A challenge of tls-alpn-01. */
export interface TlsChallenge extends AlpnChallenge {
  readonly type: 'tls-alpn-01'
}

/** A challenge of dns-01. Its hooks get no token. */
export interface DnsChallenge extends AlpnChallenge {
  readonly type: 'dns-01'
}

/** A challenge of any type. */
export type Challenge = PlainChallenge | TlsChallenge | DnsChallenge

/** Returns a challenge of its own for each name. */
export function challengeOf(type: RunPlan['type'], name: string): Challenge {
  const identifier = `${name.replaceAll(' ', '-')}.example.com`
  return type === 'http-01' ? { type, ...challengeFor(name) } : { type, ...tlsChallengeFor(identifier) }
}
