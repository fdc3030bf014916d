import t from 'tap'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab } from './armed-lab.js'
import { challengeFor, requestFor } from './challenge.js'
import { trackInvalid } from './stateful-rules.js'
import { startRecordingServer } from './recording-server.js'
import { connectTcp } from './tcp-client.js'

const challenge = challengeFor('armed')
const { path, request, token } = challenge

/** What is no request for an armed challenge. Each piece is sent in a segment of its own. */
const foreign: Readonly<Record<string, readonly string[]>> = {
  'a token that is not armed': [challengeFor('unknown').request],
  'a token with its last character changed': [request.replace(token, `${token.slice(0, -1)}!`)],
  'a token that is one character short': [request.replace(token, token.slice(0, -1))],
  'a token that is one character too long': [request.replace(token, `${token}A`)],
  'a token of the wrong case': [request.replace(token, token.toLowerCase())],
  'no token': [request.replace(token, '')],
  'POST': [request.replace('GET', 'POST').replace('\r\n\r\n', '\r\nContent-Length: 3\r\n\r\nabc')],
  'OPTIONS, PUT, DELETE': ['OPTIONS', 'PUT', 'DELETE'].map((method) => requestFor(method, path)),
  'a method in lower case': [request.replace('GET', 'get')],
  'the absolute form': [request.replace('GET /', 'GET http://example.com/')],
  'HTTP/0.9': [`GET ${path}\r\n`],
  'HTTP/2.0 and HTTP/1.2': [request.replace('HTTP/1.1', 'HTTP/2.0'), request.replace('HTTP/1.1', 'HTTP/1.2')],
  'two blanks before the path': [request.replace('GET ', 'GET  ')],
  'two blanks after the path': [request.replace(' HTTP', '  HTTP')],
  'a tab for a blank': [request.replace('GET ', 'GET\t')],
  'an empty line before the request': [`\r\n${request}`],
  'a query': [request.replace(token, `${token}?x=1`)],
  'a slash after the token': [request.replace(token, `${token}/`)],
  'a percent-encoded token': [request.replace(token, `%${token.charCodeAt(0).toString(16)}${token.slice(1)}`)],
  'a doubled slash': [request.replace('/.well', '//.well')],
  'a PROXY line before the request': [`PROXY TCP4 192.0.2.2 192.0.2.1 5000 80\r\n${request}`],
  'only the start of a request': [request.slice(0, 50)],
  'an unknown token in pieces': pieces(challengeFor('unknown').request, 7),
  'a start that turns into something else': ['GET /.well-known/', 'security.txt HTTP/1.1\r\n\r\n'],
  'one byte': ['G'],
  'nothing but line ends': ['\r\n\r\n\n'],
  'a TLS hello': [`\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${'\x9c'.repeat(300)}`],
  'bytes of every value': [String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte))],
  'the start of a request, then zeros': ['GET /.well-known/acme-challenge/\0\0\0\0'],
  'an upload of a megabyte': [
    `POST /upload HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n${'0123456789'.repeat(100_000)}`,
  ],
}

t.test(
  'what is no request for an armed challenge reaches the web server byte for byte',
  await requiresKernel(),
  async (t) => {
    for (const [title, prepare] of [
      ['without connection tracking', undefined],
      ['with connection tracking', trackInvalid],
    ] as const) {
      t.test(title, async (t) => {
        const lab = await openArmedLab(t, { noWebServer: true, ...(prepare && { prepare }) })
        const server = await startRecordingServer(t, lab.server)
        const send = async (
          address: string,
          texts: readonly string[],
        ): Promise<{ recorded: string | undefined; answer: string }> => {
          const client = connectTcp(lab.validator, { address })
          for (const text of texts) {
            client.write(Buffer.from(text, 'latin1'))
            await client.acknowledged()
          }
          client.halfClose()
          const answer = await client.ended
          await client.close()
          return { recorded: server.recorded.pop()?.toString('latin1'), answer }
        }
        const sendAll = async () => {
          const outcomes: { title: string; recorded: string | undefined; answer: string }[] = []
          for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6]) {
            for (const [title, texts] of Object.entries(foreign))
              outcomes.push({ title: `${title} to ${address}`, ...(await send(address, texts)) })
          }
          return outcomes
        }

        const unarmed = await sendAll()
        await lab.arm(challenge)
        const armed = await sendAll()

        for (const [at, { title, recorded, answer }] of unarmed.entries()) {
          const expected = Object.values(foreign)[at % Object.keys(foreign).length]?.join('')
          t.ok(recorded === expected, `unarmed: ${title}`)
          t.ok(armed[at]?.recorded === recorded, `armed: ${title}`)
          t.equal(armed[at]?.answer, answer, `the server’s answer: ${title}`)
        }
        t.equal(
          (await send(lab.server.addresses.ipv4, [request])).answer,
          challenge.reply,
          'and the challenge is armed',
        )
        t.equal((await lab.running()).counts.takenOver, 1)
        t.equal((await lab.cleanup(challenge)).exitCode, 0)
        t.equal(
          (await send(lab.server.addresses.ipv4, [request])).recorded,
          request,
          'disarmed, the challenge is the server’s as well',
        )
        t.same(await lab.leftovers(), [])
      })
    }
  },
)

function pieces(text: string, length: number): string[] {
  return Array.from({ length: Math.ceil(text.length / length) }, (_, at) => text.slice(at * length, (at + 1) * length))
}
