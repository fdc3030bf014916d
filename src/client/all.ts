/** Arms and disarms several challenges that a client names in one call. */
import type { Challenge } from '../challenge/challenge.js'
import type { SelfCheckOrder } from '../control/self-check-order.js'
import type { Disarmed } from './disarm.js'

/** The number of requests to the responder at a time. It makes one change of its rules of those that wait together. */
const AT_ONCE = 32

/**
 * Arms all of them, or none: when one cannot be armed, those that were are disarmed again. The first one goes ahead,
 * because it may have to start the responder. Resolves to the order of a self-check if one is due.
 * @throws what `armOne` throws
 */
export async function armAll(
  [first, ...others]: readonly Challenge[],
  armOne: (challenge: Challenge) => Promise<SelfCheckOrder | undefined>,
  disarmOne: (token: string) => Promise<unknown>,
): Promise<SelfCheckOrder | undefined> {
  if (!first) return undefined
  let order = await armOne(first)
  const armed = [first.token]
  try {
    await atOnce(others, async (challenge) => {
      const another = await armOne(challenge)
      armed.push(challenge.token)
      order ??= another
    })
  } catch (thrown) {
    await disarmAll(armed, (token) => disarmOne(token).then(() => 'unknown' as const)).catch(() => undefined)
    throw thrown
  }
  return order
}

/**
 * Disarms all of them, whatever becomes of single ones. The first one shows whether there is a responder at all. The
 * last one goes alone, because the responder ends with it.
 * @throws the first of what `disarmOne` throws, when all are done
 */
export async function disarmAll(
  tokens: readonly string[],
  disarmOne: (token: string) => Promise<Disarmed>,
): Promise<Disarmed[]> {
  const results = new Map<string, Disarmed>()
  const failures: unknown[] = []
  const disarm = (token: string) =>
    disarmOne(token).then(
      (disarmed) => void results.set(token, disarmed),
      (thrown: unknown) => void failures.push(thrown),
    )
  for (const some of [tokens.slice(0, 1), tokens.slice(1, -1), tokens.slice(1).slice(-1)]) {
    if (!tokens.some((token) => results.get(token) === 'absent')) await atOnce(some, disarm)
  }
  if (failures.length > 0) throw failures[0]
  return tokens.map((token) => results.get(token) ?? 'absent')
}

/**
 * Does it for all, a few at a time, until one fails. Rejects then, when those that were begun are done.
 * @throws what `act` throws
 */
async function atOnce<Item>(items: readonly Item[], act: (item: Item) => Promise<void>): Promise<void> {
  const waiting = [...items]
  const failures: unknown[] = []
  const work = async () => {
    for (let item = waiting.shift(); item !== undefined && failures.length === 0; item = waiting.shift())
      await act(item).catch((thrown: unknown) => void failures.push(thrown))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  if (failures.length > 0) throw failures[0]
}
