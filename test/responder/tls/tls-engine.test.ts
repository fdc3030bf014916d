import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import t from 'tap'
import type { Conversation } from '../../../src/intercept/service.js'
import { makeCertificate } from '../../../src/responder/tls/tls-certificate.js'
import { openTlsEngine } from '../../../src/responder/tls/tls-engine.js'
import { known } from '../../fixtures/known.js'

const digest = createHash('sha256').update('token.thumbprint').digest('base64url')
const credentials = makeCertificate({ identifier: 'example.com', digest }, new Date('2026-11-30T08:00:00Z'))

/** The extension as RFC 8737, 3 has it: its id, critical, and the digest in two octet strings. */
const extension = Buffer.concat([
  Buffer.from('06082b0601050507011f0101ff04220420', 'hex'),
  Buffer.from(digest, 'base64url'),
])

t.test('a certificate says one name and the digest, and is signed by itself', (t) => {
  const certificate = new X509Certificate(credentials.cert)
  t.equal(certificate.subjectAltName, 'DNS:example.com')
  t.ok(certificate.raw.includes(extension))
  t.ok(certificate.verify(certificate.publicKey))
  t.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
  t.equal(certificate.validFrom, 'Nov 29 08:00:00 2026 GMT')
  t.equal(certificate.validTo, 'Dec  7 08:00:00 2026 GMT')
  const names = (identifier: string) =>
    new X509Certificate(makeCertificate({ identifier, digest }, new Date()).cert).subjectAltName
  t.equal(names('WWW.Example.com'), 'DNS:www.example.com')
  t.equal(names('192.0.2.1'), 'IP Address:192.0.2.1')
  t.equal(names('2001:db8::1'), 'IP Address:2001:DB8:0:0:0:0:0:1')
  const long = `${'a'.repeat(63)}.`.repeat(3)
  t.equal(names(`${long}example`), `DNS:${long}example`, 'a name that needs a longer length')
  const [one, other] = [1, 2].map(() => makeCertificate({ identifier: 'a.example', digest }, new Date()))
  t.not(one?.key, other?.key, 'each has a key of its own')
  t.end()
})

for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
  t.test(`${version}: a handshake is the answer, and both ends close`, async (t) => {
    const { client, conversation, ended } = await shake({ minVersion: version, maxVersion: version })
    await once(client, 'secureConnect')
    t.equal(client.alpnProtocol, 'acme-tls/1')
    t.ok(client.getPeerCertificate().raw.includes(extension))
    await ended
    t.same(conversation().answer, { status: 0, bytes: credentials.length })
    client.end()
    await once(client, 'close')
    t.equal(conversation().isReceived, true, 'the client has shown that it has it')
  })

t.test('a client that offers something else, or that is no TLS client, gets no answer', async (t) => {
  const { client, conversation, ended } = await shake({ ALPNProtocols: ['h2'] })
  const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException]
  t.match(error.code, /NO_APPLICATION_PROTOCOL/)
  await ended
  t.equal(conversation().answer, undefined)
  const engine = await openTlsEngine(['acme-tls/1'])
  const isEnded = new Promise<void>((resolve) => {
    engine(credentials)({ send: () => undefined, end: resolve }).receive(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
  })
  await isEnded
})

t.test('a client that closes in the middle is left alone', async (t) => {
  const engine = await openTlsEngine(['acme-tls/1'])
  const sent: Uint8Array[] = []
  let conversation: Conversation | undefined
  const ended = new Promise<void>((resolve) => {
    conversation = engine(credentials)({ send: (bytes) => sent.push(bytes), end: resolve })
    conversation.end()
  })
  await ended
  t.equal(conversation?.answer, undefined)
  conversation?.receive(Buffer.from('late'))
  conversation?.end()
})

t.test('of too many conversations the oldest is ended', async (t) => {
  const engine = await openTlsEngine(['acme-tls/1'])
  const open = engine(credentials)
  const ended: number[] = []
  for (let number = 0; number < 602; number++) open({ send: () => undefined, end: () => ended.push(number) })
  t.same(ended, [0, 1])
})

/** Starts a handshake between Node's client and a conversation. */
async function shake(options: ConnectionOptions) {
  const engine = await openTlsEngine(['acme-tls/1'])
  let conversation: Conversation | undefined
  const stream = new Duplex({
    read: () => undefined,
    write: (bytes: Uint8Array, _, done) => {
      conversation?.receive(new Uint8Array(bytes))
      done()
    },
    final: (done) => {
      conversation?.end()
      done()
    },
  })
  const ended = new Promise<void>((resolve) => {
    conversation = engine(credentials)({
      send: (bytes) => stream.push(bytes),
      end: () => {
        stream.push(null)
        resolve()
      },
    })
  })
  const all = { socket: stream, servername: 'example.com', ALPNProtocols: ['acme-tls/1'], rejectUnauthorized: false }
  const client: TLSSocket = connect({ ...all, ...options }).resume()
  return { client, ended, conversation: () => known(conversation) }
}
