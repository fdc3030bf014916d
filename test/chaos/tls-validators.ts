/** Validators of tls-alpn-01, well-behaved and otherwise. */
import type { TLSSocket } from 'node:tls'
import type { TlsChallenge } from './challenges.js'
import { connect, type Connection } from './connection.js'
import type { Behaviour, ValidationPlan } from './plan.js'
import { randomFrom } from './random.js'
import { isImpatient, sayAs } from './say-as.js'
import { shakeHands, type Shaken } from './tls-handshake.js'
import { patience, type Outcome, type Visit } from './validators.js'
import { addresses, type World } from './world.js'

/** Sends one validator for a challenge; resolves when it has the certificate, or has left. */
export async function validateByTls(
  world: World,
  challenge: TlsChallenge,
  { behaviour, family, seed }: ValidationPlan,
): Promise<Visit> {
  const limit = patience * world.means.pace
  const random = randomFrom(seed)
  const from = addresses[behaviour === 'vanishes' ? 'vanishing' : 'validator'][family]
  const connection = connect(world.lab.validator, from, addresses.server[family], limit, 443)
  const saying = { world, connection, behaviour, random, from, limit, isSent: false, isSplit: false }
  const say = (hello: string) => sayAs(saying, hello)
  const shaken = await shakeHands(connection, { name: challenge.identifier, protocol: 'acme-tls/1', say }, limit)
  const { isSent, isSplit } = saying
  const outcome = isImpatient(behaviour)
    ? 'not waited for'
    : isSent || shaken.how === 'refused'
      ? outcomeOf(shaken, challenge)
      : 'not asked'
  await leave(behaviour, connection, shaken, limit)
  const received = 'code' in shaken ? shaken.code : shaken.how
  return { outcome, received, isKeySplit: isSplit, leave: () => connection.close() }
}

function outcomeOf(shaken: Shaken, { digest }: TlsChallenge): Outcome {
  if (shaken.how === 'alert')
    return 'code' in shaken && /NO_APPLICATION/.test(shaken.code) ? 'web server' : 'something else'
  if (shaken.how !== 'done') return shaken.how
  return 'socket' in shaken && hasDigest(shaken.socket, digest) ? 'answered' : 'something else'
}

/** Whether the certificate has the digest in the extension of RFC 8737, 3. */
function hasDigest(socket: TLSSocket, digest: string): boolean {
  const head = Buffer.from('06082b0601050507011f0101ff04220420', 'hex')
  return socket.getPeerCertificate().raw.includes(Buffer.concat([head, Buffer.from(digest, 'base64url')]))
}

async function leave(behaviour: Behaviour, connection: Connection, shaken: Shaken, limit: number): Promise<void> {
  if (behaviour === 'half-closes' && 'socket' in shaken) {
    shaken.socket.resume().end()
    await connection.ended(limit)
  }
  if (behaviour !== 'never closes') connection.close()
}
