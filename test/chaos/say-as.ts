/** How a validator of each kind sends what it has to say. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Connection } from './connection.js'
import type { Behaviour } from './plan.js'
import type { Random } from './random.js'
import { cutOff } from './validators.js'
import type { World } from './world.js'

/** Who says something, on which connection. */
export interface Saying {
  readonly world: World
  readonly connection: Connection
  readonly behaviour: Behaviour
  readonly random: Random
  readonly from: string
  readonly limit: number
  /** Whether the kernel took at least a piece. */
  isSent: boolean
  /** Whether the first piece was not all. */
  isSplit: boolean
}

/** Returns whether it leaves without waiting for what comes back. */
export function isImpatient(behaviour: Behaviour): boolean {
  return behaviour === 'vanishes' || behaviour === 'resets' || behaviour === 'closes first'
}

/** Sends a text, a character for a byte, and leaves if that is its way. Returns false when it could not be sent. */
export async function sayAs(saying: Saying, text: string): Promise<boolean> {
  const { world, connection, behaviour, random, from, limit } = saying
  const pieces = piecesOf(text, behaviour, random)
  saying.isSplit = (pieces[0]?.length ?? 0) < text.length
  for (const piece of pieces) {
    if (!(await connection.write(piece))) return false
    saying.isSent = true
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

function piecesOf(text: string, behaviour: Behaviour, random: Random): string[] {
  if (behaviour === 'vanishes') return [text.slice(0, random.pick([undefined, random.between(1, text.length - 1)]))]
  if (behaviour !== 'split' && behaviour !== 'slow') return [text]
  const cuts = new Set([0, text.length])
  for (const pieces = random.between(2, 5); cuts.size <= pieces;) cuts.add(random.between(1, text.length - 1))
  const places = [...cuts].sort((one, other) => one - other)
  return places.slice(0, -1).map((place, at) => text.slice(place, places[at + 1]))
}
