/** The selector of tls-alpn-01 (RFC 8737, 3): a ClientHello that offers `acme-tls/1`. */
import type { Selector } from '../../wire/selector.js'
import { ACME_TLS } from '../../wire/tls/tls-hello.js'

/**
 * Returns a selector for connections to these ports. A payload begins with a handshake record of SSL 3.0 to TLS 1.3
 * (RFC 8446, 5.1), and that with a ClientHello. A back end that can search a payload leaves out a hello that is whole
 * and has not the protocol in it. All are wanted within limits only, because anybody may send them.
 */
export function tlsAlpn01Selector(ports: readonly number[]): Selector {
  return {
    transport: 'tcp',
    ports,
    starts: [
      {
        offset: 0,
        bytes: Uint8Array.of(0x16, 3, 0, 0, 0, 1),
        mask: Uint8Array.of(0xff, 0xff, 0xf8, 0, 0, 0xff),
      },
    ],
    keys: 'any',
    isLimited: true,
    contains: {
      text: ACME_TLS,
      // That of the record, and that of the message. A record that has the whole message ends where the message ends.
      lengths: [
        { at: 3, bytes: 2 },
        { at: 6, bytes: 3 },
      ],
    },
  }
}
