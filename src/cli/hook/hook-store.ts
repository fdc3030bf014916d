/** What the hooks do with a store that a fleet shares. Loaded only with `--store`. */
import { typeOf, withType, type Challenge, type Known } from '../../challenge/challenge.js'
import type { Disarmed } from '../../client/disarm.js'
import { Failure, toFailure } from '../../failure.js'
import { count, list } from '../../diagnosis/validation/diagnosis.js'
import { systemClock } from '../../responder/clock.js'
import type { Entry } from '../../store/entry.js'
import { nodeName } from '../../store/node-identity.js'
import { publish, type Published } from '../../store/publish.js'
import { openRedis } from '../../store/redis.js'
import { portFor, type Options } from '../options.js'
import { warn } from '../report.js'
import { readStoreRequest } from '../fleet/store-request.js'

/**
 * Has every node of the fleet arm challenges, and waits for them. Warns when some may not have. This machine has, so
 * the validation may succeed.
 */
export async function publishChallenges(challenges: readonly Challenge[], options: Options): Promise<void> {
  const head = headOf(options)
  const entries = challenges.map((challenge): Entry => ({
    state: 'armed',
    ...head,
    ...withType(challenge),
    port: portFor(typeOf(challenge), options),
  }))
  const published = await pass(entries, options)
  const names = challenges.map(({ identifier }) => identifier)
  if (published) tell(published, names, options)
}

/** Has every node disarm challenges. Returns a function that adds who has asked them to what this machine knows. */
export async function withdrawChallenges(
  challenges: readonly Known[],
  options: Options,
): Promise<(here: Disarmed) => Disarmed> {
  const head = headOf(options)
  const published = await pass(
    challenges.map((known): Entry => ({ state: 'withdrawn', ...head, type: typeOf(known), token: known.token })),
    options,
  )
  if (published?.trouble !== undefined) warn(toFailure(published.trouble))
  else if (published && published.names.length > 0)
    warn(new Failure('store-not-disarmed', `after ${options.storeTimeout} s ${late(published)} not disarmed`))
  return (here) => {
    if (typeof here === 'string') return here
    const own = here.visits.map((visit) => ({ ...visit, node: nodeName(options.storeName) }))
    return { ...here, visits: [...own, ...(published?.visits.get(here.token) ?? [])] }
  }
}

function headOf({ ttl, storeName }: Options): Pick<Entry, 'issuedAt' | 'expiresAt' | 'origin'> {
  const now = Date.now()
  return { issuedAt: now, expiresAt: now + ttl * 1000, origin: nodeName(storeName) }
}

/** Returns nothing after a warning that the options of the store are wrong. */
async function pass(entries: readonly Entry[], options: Options): Promise<Published | undefined> {
  try {
    const { address, secret, ca } = readStoreRequest(options)
    return await publish(entries, {
      connect: (onTold) => openRedis(address, { ca, topics: ['nodes'], onTold }),
      secret,
      clock: systemClock,
      timeLimit: options.storeTimeout * 1000,
    })
  } catch (thrown) {
    warn(toFailure(thrown))
    return undefined
  }
}

function tell(published: Published, identifiers: readonly string[], { storeTimeout }: Options): void {
  const what = list([...new Set(identifiers)])
  if (published.trouble !== undefined) warn(toFailure(published.trouble))
  else if (published.names.length > 0)
    warn(new Failure('store-not-armed', `after ${storeTimeout} s ${late(published)} not armed ${what}`))
  else if (published.live === 0)
    warn(new Failure('store-no-nodes', `no node of the fleet lives: only this machine has armed ${what}`))
}

/** Returns `web2 and web3 have`. */
function late({ names }: Published): string {
  return `${count(names.length, 'node')} (${list(names)}) ${names.length === 1 ? 'has' : 'have'}`
}
