/** What answers tls-alpn-01: for each armed name a certificate, made when the challenge is armed. */
import type { TlsAlpn01Challenge } from '../../challenge/challenge.js'
import { serverNameFor } from '../../challenge/tls-alpn-01/names.js'
import { ACME_TLS } from '../../wire/tls/tls-hello.js'
import { checkedServerName } from '../../control/self-check-order.js'
import type { ArmedName } from '../../challenge/tls-alpn-01/service.js'
import type { Statement } from './tls-certificate.js'
import { openTlsEngine, type TlsEngine } from './tls-engine.js'
import type { Clock } from '../clock.js'
import type { Leases } from '../leases.js'

/** The certificates of the armed challenges. */
export class TlsAnswers {
  readonly #leases: Pick<Leases, 'of' | 'checked'>
  readonly #clock: Pick<Clock, 'date'>
  /** By the challenge itself, so that a certificate and its key are gone with it. */
  readonly #answers = new WeakMap<TlsAlpn01Challenge, ArmedName['open']>()
  /** Those of self-checks, by their tokens. */
  readonly #checks = new Map<string, ArmedName['open']>()
  #engine: Promise<TlsEngine> | undefined

  constructor(leases: Pick<Leases, 'of' | 'checked'>, clock: Pick<Clock, 'date'>) {
    this.#leases = leases
    this.#clock = clock
  }

  /** Makes the certificate for a challenge that is armed. Until then its name is answered by the server. */
  async prepare(challenge: TlsAlpn01Challenge): Promise<void> {
    this.#answers.set(challenge, await this.#make(challenge))
  }

  /** Makes the certificate for the name of a self-check. It is gone soon after its token. */
  async prepareForCheck(token: string): Promise<void> {
    for (const known of this.#checks.keys()) if (!this.#leases.checked(known)) this.#checks.delete(known)
    const identifier = checkedServerName(token)
    this.#checks.set(token, await this.#make({ identifier, digest: NO_DIGEST }))
  }

  /** Returns what answers for a name in lower case. If several challenges have it, it is the one armed last. */
  find(name: string): ArmedName | undefined {
    const challenge = this.#leases.of('tls-alpn-01').findLast(({ identifier }) => serverNameFor(identifier) === name)
    const open = challenge && this.#answers.get(challenge)
    if (open) return { token: challenge.token, open }
    for (const [token, open] of this.#checks)
      if (checkedServerName(token) === name && this.#leases.checked(token)) return { token, open }
    return undefined
  }

  async #make(statement: Statement): Promise<ArmedName['open']> {
    this.#engine ??= openTlsEngine([ACME_TLS])
    const engine = await this.#engine
    // Loaded on demand: node:crypto takes memory, and most responders never need it.
    const { makeCertificate } = await import('./tls-certificate.js')
    return engine(makeCertificate(statement, this.#clock.date()))
  }
}

/** A self-check is about the name alone. */
const NO_DIGEST = 'A'.repeat(43)
