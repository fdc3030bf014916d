/** What `doctor` reads of a store. It changes nothing there. */
import type { FleetReading } from '../../diagnosis/doctor/fleet.js'
import { FIXES, toFailure } from '../../failure.js'
import { describeAddress } from '../../store/address.js'
import { openNode } from '../../store/node-record.js'
import { openRedis } from '../../store/redis.js'
import { nodeStatusOf } from './node-status.js'
import type { Options } from '../options.js'
import { readStoreRequest } from './store-request.js'

/** Reads the store of `--store`; nothing without one. What goes wrong is in the result. */
export async function readFleet(options: Options): Promise<FleetReading | undefined> {
  if (options.store === undefined) return undefined
  try {
    const { address, secret, ca } = readStoreRequest(options)
    const store = await openRedis(address, { ca, topics: [], onTold: () => undefined })
    try {
      const { now, nodes } = await store.read()
      const offset = Date.now() - now
      const records = [...nodes].map(([id, sealed]) => openNode(id, sealed, secret))
      const known = records.filter((record) => typeof record === 'object')
      return {
        url: describeAddress(address),
        nodes: known.map((record) => nodeStatusOf(record, now)),
        unverified: records.length - known.length,
        offset,
      }
    } finally {
      store.close()
    }
  } catch (thrown) {
    const { code, message } = toFailure(thrown)
    return { cause: message, fix: FIXES[code] }
  }
}
