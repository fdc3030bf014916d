/** Keeps what is reported of the store, for the status, and logs what goes wrong with it. */
import { describeStore } from '../control/describe-store.js'
import type { StoreStatus } from '../control/store-status.js'
import type { Clock } from './clock.js'
import type { Log } from './log.js'

/** Milliseconds between two warnings. Whoever writes to the store cannot fill the log. */
const QUIET = 60_000

/** The store as it was last reported. */
export class Fleet {
  readonly #clock: Clock
  readonly #log: Log
  #said = ''
  #saidAt = -Infinity
  /** How it stands; undefined without a store. */
  status: StoreStatus | undefined

  constructor(clock: Clock, log: Log) {
    this.#clock = clock
    this.#log = log
  }

  /** Takes a report. Logs that there is a store, and from time to time what has gone wrong since. */
  note(status: StoreStatus): void {
    if (!this.status) this.#log('info', `store ${status.url} is looked at`, { event: 'store' })
    this.status = status
    const trouble = troubleOf(status)
    const now = this.#clock.now()
    if (trouble === this.#said || now - this.#saidAt < QUIET) return
    this.#said = trouble
    this.#saidAt = trouble === '' ? -Infinity : now
    if (trouble === '') this.#log('info', `store ${status.url}: well again`, { event: 'store' })
    else this.#log('warning', `store ${status.url}: ${describeStore(status)}`, { event: 'store' })
  }
}

/** Returns what is not as it should be. The number of refusals counts, so that further ones are logged. */
function troubleOf({ trouble, refused, unverified }: StoreStatus): string {
  const counts = Object.entries(refused).map(([reason, count]) => `${reason} ${count}`)
  return [trouble === undefined ? '' : 'trouble', ...counts.sort(), unverified > 0 ? 'unverified' : '']
    .filter((word) => word !== '')
    .join()
}
