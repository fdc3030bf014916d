/** Ordinary clients by TLS. */
import { requestFor } from '../scenarios/challenge.js'
import { isAnswer } from './bystanders.js'
import { connect, within } from './connection.js'
import { shakeHands } from './tls-handshake.js'
import { addresses, type World } from './world.js'

interface TlsKind {
  readonly who: 'bystander' | 'curious'
  readonly name: string
  readonly protocol: string
  /** How the hello is cut. */
  readonly cuts: readonly number[]
}

/** By TLS. */
export const tlsKinds: readonly TlsKind[] = [
  { who: 'bystander', name: 'www.example.org', protocol: 'http/1.1', cuts: [] },
  // The kernel cannot tell of the first of its segments whether the protocol comes.
  { who: 'bystander', name: 'www.example.org', protocol: 'http/1.1', cuts: [3, 60] },
  // A name that nobody has armed.
  { who: 'curious', name: 'nobody.example.com', protocol: 'acme-tls/1', cuts: [] },
]

/** What went wrong, if anything: an ordinary request is answered, and `acme-tls/1` refused by the web server. */
export async function requestByTls(world: World, kind: TlsKind, family: 4 | 6): Promise<string | undefined> {
  const { who, name, protocol, cuts } = kind
  const limit = 30_000 * world.means.pace
  const connection = connect(world.lab.validator, addresses[who][family], addresses.server[family], limit, 443)
  const say = async (hello: string): Promise<boolean> => {
    for (const [at, from] of [0, ...cuts].entries()) {
      if (!(await connection.write(hello.slice(from, cuts[at])))) return false
      if (cuts.length > 0) await connection.acknowledged(limit)
    }
    return true
  }
  const shaken = await shakeHands(connection, { name, protocol, say }, limit)
  let received = 'code' in shaken ? shaken.code : ''
  if ('socket' in shaken) {
    const { socket } = shaken
    const ended = new Promise<void>((resolve) => void socket.once('close', resolve).once('end', resolve))
    socket.setEncoding('latin1').on('data', (text: string) => (received += text))
    socket.write(requestFor('GET', '/'))
    await within(limit, undefined, ended)
    socket.destroy()
  }
  connection.close()
  const isRight = protocol === 'acme-tls/1' ? /NO_APPLICATION/.test(received) : isAnswer(world, received)
  if (isRight) return undefined
  return `${who} by TLS on IPv${family}, port ${connection.port}, ${cuts.length + 1} segments: ${shaken.how} ${JSON.stringify(received)}`
}
