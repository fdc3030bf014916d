/** Validators of tls-alpn-01, well-behaved and otherwise. */
import { setTimeout as delay } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import type { TlsChallenge } from './challenges.js'
import { connect, type Connection } from './connection.js'
import type { Behaviour, ValidationPlan } from './plan.js'
import { randomFrom } from './random.js'
import { shakeHands, type Shaken } from './tls-handshake.js'
import { cutOff, patience, type Outcome, type Visit } from './validators.js'
import { addresses, type World } from './world.js'

/** Those that do not wait for the handshake. */
const impatient: readonly Behaviour[] = ['vanishes', 'resets', 'closes first']

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
  let [isSent, isSplit] = [false, false]
  const say = async (hello: string): Promise<boolean> => {
    const pieces = piecesOf(hello, behaviour, random)
    isSplit = (pieces[0]?.length ?? 0) < hello.length
    for (const piece of pieces) {
      if (!(await connection.write(piece))) return false
      isSent = true
      if (pieces.length > 1) await connection.acknowledged(limit)
      if (behaviour === 'slow') await delay(random.between(50, 400) * world.means.pace)
    }
    if (behaviour === 'vanishes') await cutOff(world, from, connection.port)
    if (behaviour === 'resets') await delay(random.between(0, 50))
    if (behaviour === 'closes first') connection.halfClose()
    if (behaviour === 'resets' || behaviour === 'vanishes') connection.reset()
    else if (behaviour === 'closes first') connection.close()
    return true
  }
  const shaken = await shakeHands(connection, { name: challenge.identifier, protocol: 'acme-tls/1', say }, limit)
  const outcome = impatient.includes(behaviour)
    ? 'not waited for'
    : isSent || shaken.how === 'refused'
      ? outcomeOf(shaken, challenge)
      : 'not asked'
  await leave(behaviour, connection, shaken, limit)
  const received = 'code' in shaken ? shaken.code : shaken.how
  return { outcome, received, isKeySplit: isSplit, leave: () => connection.close() }
}

/** Cuts a hello as a validator of this kind sends it. */
function piecesOf(hello: string, behaviour: Behaviour, random: ReturnType<typeof randomFrom>): string[] {
  if (behaviour === 'vanishes') return [hello.slice(0, random.pick([undefined, random.between(1, hello.length - 1)]))]
  if (behaviour !== 'split' && behaviour !== 'slow') return [hello]
  const cuts = new Set([0, hello.length])
  for (const pieces = random.between(2, 5); cuts.size <= pieces;) cuts.add(random.between(1, hello.length - 1))
  const places = [...cuts].sort((one, other) => one - other)
  return places.slice(0, -1).map((place, at) => hello.slice(place, places[at + 1]))
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
