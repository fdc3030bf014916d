/** What is known of the webroots that are watched: for the status, and for the log. */
import { describeWebroot } from '../control/describe-webroot.js'
import type { WebrootStatus } from '../control/webroot-status.js'
import type { Clock } from './clock.js'
import type { Log } from './log.js'

/** Milliseconds between two warnings about one webroot. Whoever writes there cannot fill the log. */
const QUIET = 60_000

/** The webroots as they were last reported. */
export class Webroots {
  readonly #clock: Clock
  readonly #log: Log
  /** What was last warned of, by directory, and when. */
  readonly #warned = new Map<string, { readonly of: string; readonly at: number }>()
  /** How each stands. */
  status: readonly WebrootStatus[] = []

  constructor(clock: Clock, log: Log) {
    this.#clock = clock
    this.#log = log
  }

  /** Takes a report of all of them. Logs those that are new, and from time to time what has gone wrong since. */
  note(webroots: readonly WebrootStatus[]): void {
    this.status = webroots
    for (const webroot of webroots) this.#say(webroot)
  }

  #say(webroot: WebrootStatus): void {
    const { directory } = webroot
    const now = this.#clock.now()
    const warned = this.#warned.get(directory)
    const trouble = troubleOf(webroot)
    if (!warned) this.#log('info', `webroot ${directory} is watched`, { event: 'webroot' })
    if (warned && (trouble === warned.of || now - warned.at < QUIET)) return
    this.#warned.set(directory, { of: trouble, at: trouble === '' ? -Infinity : now })
    if (trouble !== '') this.#log('warning', `webroot ${directory}: ${describeWebroot(webroot)}`, { event: 'webroot' })
  }
}

/** Returns what is not as it should be, without numbers. A directory that is still to be made is as it should be. */
function troubleOf({ obstacle, isWatched, isCut, refused }: WebrootStatus): string {
  const isBlocked = obstacle && obstacle.reason !== 'missing'
  return [
    ...(isBlocked ? [obstacle.reason] : []),
    isWatched ? '' : 'unwatched',
    isCut ? 'cut' : '',
    ...Object.keys(refused).sort(),
  ]
    .filter((word) => word !== '')
    .join()
}
