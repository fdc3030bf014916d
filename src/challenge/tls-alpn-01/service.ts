/**
 * tls-alpn-01 (RFC 8737, 3) over a connection that was taken over. Here it is recognised. The handshake itself is the
 * conversation of an {@link ArmedName}, which is made elsewhere.
 */
import type { Connection, Conversation, Recognition, Service } from '../../intercept/service.js'
import { ACME_TLS, LONGEST_HELLO, readClientHello } from '../../wire/tls/tls-hello.js'

/** What answers for a name. */
export interface ArmedName {
  /** The challenge's token. */
  readonly token: string
  /** Starts the server's end of a TLS connection, with the certificate of this name alone. */
  readonly open: (connection: Connection) => Conversation
}

/**
 * Returns the service. `armed` finds what answers for a name, which is in lower case. It is asked again for each hello.
 *
 * A connection is for us when its whole ClientHello offers `acme-tls/1` and no other protocol, and asks for a name that
 * is armed. It is a bystander's as soon as its ALPN is seen to be another. A request for a name that is not armed has
 * that name as its key.
 */
export function tlsAlpn01Service(armed: (name: string) => ArmedName | undefined): Service {
  return {
    longestStart: LONGEST_HELLO,
    recognise: (start): Recognition => {
      const hello = readClientHello(start)
      if (hello === 'other') return 'other'
      const { isWhole, alpn, serverName } = hello
      if (alpn && (alpn.length > 1 || alpn[0] !== ACME_TLS)) return 'other'
      if (!isWhole) return 'partial'
      if (!alpn || serverName === undefined || !NAME.test(serverName)) return 'other'
      const key = serverName.toLowerCase()
      const found = armed(key)
      return found ? { key: found.token, open: found.open } : { key }
    },
  }
}

/** What can be armed. Anything else could not be told to people as it is. */
const NAME = /^[A-Za-z0-9._-]{1,253}$/
