/** What answers tls-alpn-01: for each armed name a certificate, made when the challenge is armed. */
import type { TlsAlpn01Challenge } from '../challenge/challenge.js'
import { ACME_TLS, serverNameFor } from '../challenge/tls-alpn-01/names.js'
import type { ArmedName } from '../challenge/tls-alpn-01/service.js'
import { makeCertificate } from './tls-certificate.js'
import { openTlsEngine, type TlsEngine } from './tls-engine.js'
import type { Clock } from './clock.js'
import type { Leases } from './leases.js'

/** The certificates of the armed challenges. */
export class TlsAnswers {
  readonly #leases: Pick<Leases, 'of'>
  readonly #clock: Pick<Clock, 'date'>
  /** By the challenge itself, so that a certificate and its key are gone with it. */
  readonly #answers = new WeakMap<TlsAlpn01Challenge, ArmedName['open']>()
  #engine: Promise<TlsEngine> | undefined

  constructor(leases: Pick<Leases, 'of'>, clock: Pick<Clock, 'date'>) {
    this.#leases = leases
    this.#clock = clock
  }

  /** Makes the certificate for a challenge that is armed. Until then its name is answered by the server. */
  async prepare(challenge: TlsAlpn01Challenge): Promise<void> {
    this.#engine ??= openTlsEngine([ACME_TLS])
    const open = await this.#engine
    this.#answers.set(challenge, open(makeCertificate(challenge, this.#clock.date())))
  }

  /** Returns what answers for a name in lower case. If several challenges have it, it is the one armed last. */
  find(name: string): ArmedName | undefined {
    const challenge = this.#leases.of('tls-alpn-01').findLast(({ identifier }) => serverNameFor(identifier) === name)
    const open = challenge && this.#answers.get(challenge)
    return open && { token: challenge.token, open }
  }
}
