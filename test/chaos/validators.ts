/** Validators of http-01, well-behaved and otherwise. */
import { setTimeout as delay } from 'node:timers/promises'
import { KEY_LENGTH } from '../../src/wire/selector.js'
import { requestFor, type Challenge } from '../scenarios/challenge.js'
import { connect, type Connection, type Ending } from './connection.js'
import type { Behaviour, ValidationPlan } from './plan.js'
import { randomFrom, type Random } from './random.js'
import { addresses, type World } from './world.js'

/**
 * What came of a validation; `not asked`: its request never reached the machine; `not waited for`: the validator left
 * first; `lost to the cable`: 30 s of repetitions were not enough at 20 % loss; `too slow`: untracked, its token came
 * in pieces, and all took longer than such a source is followed.
 */
export type Outcome =
  | 'answered'
  | 'web server'
  | 'something else'
  | Ending['how']
  | 'not asked'
  | 'not waited for'
  | 'lost to the cable'
  | 'too slow'

export interface Visit {
  readonly outcome: Outcome
  readonly received: string
  /** Whether the first piece of its request ended before the key did. */
  readonly isKeySplit: boolean
  /** To be called at the end of the cycle: some validators never close. */
  leave(): void
}

/** Milliseconds for an answer, once the request is sent. */
export const patience = 30_000

/** Sends one validator for a challenge; resolves when it has its answer, or has left. */
export async function validate(
  world: World,
  challenge: Challenge,
  { behaviour, family, seed }: ValidationPlan,
): Promise<Visit> {
  const limit = patience * world.means.pace
  const from = addresses[behaviour === 'vanishes' ? 'vanishing' : 'validator'][family]
  const connection = connect(world.lab.validator, from, addresses.server[family], limit)
  const behave: Behave = { world, challenge, connection, from, random: randomFrom(seed), limit, isKeySplit: false }
  const before = await ask[behaviour](behave)
  if (typeof before !== 'number') return visit(before, await soFar(connection), behave)
  const ending = await connection.ended(limit)
  const own = { ...ending, received: ending.received.slice(before) }
  if (behaviour !== 'never closes') connection.close()
  return visit(outcomeOf(world, challenge, own), own.received, behave)
}

interface Behave {
  readonly world: World
  readonly challenge: Challenge
  readonly connection: Connection
  readonly from: string
  readonly random: Random
  readonly limit: number
  /** See {@link Visit}. */
  isKeySplit: boolean
}

/** Sends a request. Returns how many bytes came before the answer, or what a validation that waits for none reports. */
type Ask = (behave: Behave) => Promise<number | Outcome>

const whole: Ask = async ({ connection, challenge }) =>
  (await connection.write(challenge.request)) ? 0 : notAsked(connection)

const ask: Readonly<Record<Behaviour, Ask>> = {
  'normal': whole,
  'never closes': whole,
  'split': (behave) => inPieces(behave, () => 0),
  'slow': (behave) => inPieces(behave, () => behave.random.between(50, 400) * behave.world.means.pace),
  'half-closes': async (behave) => {
    const asked = await whole(behave)
    behave.connection.halfClose()
    return asked
  },
  'resets': async ({ connection, challenge, random }) => {
    await connection.write(challenge.request)
    await delay(random.between(0, 50))
    connection.reset()
    return 'not waited for'
  },
  'closes first': async ({ connection, challenge }) => {
    await connection.write(challenge.request)
    connection.halfClose()
    connection.close()
    return 'not waited for'
  },
  'vanishes': async ({ connection, challenge, world, from, random }) => {
    await connection.write(
      challenge.request.slice(0, random.pick([undefined, random.between(1, challenge.request.length - 1)])),
    )
    await cutOff(world, from, connection.port)
    connection.reset()
    return 'not waited for'
  },
  'asks second': async ({ connection, challenge, world, limit }) => {
    if (!(await connection.write(requestFor('GET', '/', false)))) return notAsked(connection)
    const first = await connection.receives(1, limit)
    const length = first.indexOf('\r\n\r\n') + 4 + world.webServer.body.length
    if ((await connection.receives(length, limit)).length < length) return 0
    await connection.write(challenge.request)
    return length
  },
}

async function inPieces(behave: Behave, pause: () => number): Promise<number | Outcome> {
  const { challenge, connection, random, limit } = behave
  const { request, token } = challenge
  const keyEnd = request.indexOf(token) + KEY_LENGTH
  const cuts = new Set([0, request.length])
  for (const pieces = random.between(2, 5); cuts.size <= pieces;) cuts.add(random.between(1, request.length - 1))
  const places = [...cuts].sort((one, other) => one - other)
  behave.isKeySplit = (places[1] ?? 0) < keyEnd
  for (const [at, place] of places.slice(0, -1).entries()) {
    if (!(await connection.write(request.slice(place, places[at + 1])))) return at === 0 ? notAsked(connection) : 0
    await connection.acknowledged(limit)
    await delay(pause())
  }
  return 0
}

/** A refused connection is known as such at once. */
async function notAsked(connection: Connection): Promise<Outcome> {
  const { how } = await connection.ended(0)
  return how === 'refused' ? 'refused' : 'not asked'
}

/** Cuts a connection off, so that nothing comes or goes any more. */
export async function cutOff({ lab }: World, address: string, port: number): Promise<void> {
  const program = address.includes(':') ? 'ip6tables' : 'iptables'
  for (const words of [
    ['OUTPUT', '-s', address, '-p', 'tcp', '--sport'],
    ['PREROUTING', '-d', address, '-p', 'tcp', '--dport'],
  ]) {
    await lab.validator.exec([program, '-w', '-t', 'raw', '-I', ...words, String(port), '-j', 'DROP'])
  }
}

function outcomeOf({ webServer }: World, { reply }: Challenge, { how, received }: Ending): Outcome {
  if (how !== 'closed') return received === reply ? 'answered' : how
  if (received === reply) return 'answered'
  if (received === '') return how
  return received.startsWith('HTTP/1.1 200 OK') && received.endsWith(webServer.body) ? 'web server' : 'something else'
}

async function soFar(connection: Connection): Promise<string> {
  return (await connection.ended(0)).received
}

function visit(outcome: Outcome, received: string, { connection, isKeySplit }: Behave): Visit {
  return { outcome, received, isKeySplit, leave: () => connection.close() }
}
