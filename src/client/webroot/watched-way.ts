/** The way to a webroot's challenges, followed as it changes: directories come, vanish and come back. */
import { watch, type FSWatcher } from 'node:fs'
import { closeWay, isSameWay, openWay, type Way } from './way.js'

/** What is called when something happens on the way. */
export interface WayEvents {
  /** Something has happened to this name in acme-challenge. */
  readonly onName: (name: string) => void
  /** The way may lead elsewhere now. Call {@link WatchedWay.follow}. */
  readonly onTurn: () => void
}

/**
 * Events in one second beyond which nobody waits for events any more. Whoever makes that many could otherwise have a
 * processor spent on reading them.
 */
const MAX_EVENTS = 1_000

/** The directories are looked at so often when they change meanwhile. What then follows is left to the next call. */
const MAX_TRIES = 5

/** Calls of {@link WatchedWay.follow} after which events are waited for again. */
const REST = 10

/** A way with a watch (inotify(7)) on each of its directories. */
export class WatchedWay {
  readonly #directory: string
  readonly #events: WayEvents
  #way: Way = { steps: [] }
  #watchers: FSWatcher[] = []
  #count = 0
  #rest = 0
  #isWatched = true

  constructor(directory: string, events: WayEvents) {
    this.#directory = directory
    this.#events = events
  }

  /** The way as it was when it was last followed. */
  get way(): Way {
    return this.#way
  }

  /** Whether events come: not when the kernel refuses a watch, and not for a while after too many. */
  get isWatched(): boolean {
    return this.#isWatched && this.#rest === 0
  }

  /**
   * Follows the way anew. To be called about once a second also without an event: some file systems have none, and the
   * kernel drops those that are too many.
   */
  follow(): void {
    this.#count = 0
    const isRested = this.#rest > 0 && --this.#rest === 0
    let isAnew = isRested || !this.#isWatched
    // What is made after a directory was looked at, and before it is watched, has no event. So it is looked at again.
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const next = openWay(this.#directory)
      if (isSameWay(this.#way, next) && !isAnew) return closeWay(next)
      isAnew = false
      this.#unwatch()
      closeWay(this.#way)
      this.#way = next
      if (this.#rest === 0) this.#watch()
    }
  }

  /** Closes everything. */
  close(): void {
    this.#unwatch()
    closeWay(this.#way)
    this.#way = { steps: [] }
  }

  #watch(): void {
    this.#isWatched = true
    for (const { fd, next } of this.#way.steps) {
      try {
        const watcher = watch(`/proc/self/fd/${fd}`, (_kind, name) => {
          if (++this.#count > MAX_EVENTS) this.#pause()
          else if (next === undefined && name !== null) this.#events.onName(name)
          // An event of the directory itself comes with its own name, which is that of the descriptor.
          else if (name === null || name === next || name === String(fd)) this.#events.onTurn()
        })
        watcher.on('error', () => (this.#isWatched = false))
        this.#watchers.push(watcher)
      } catch {
        // The kernel's limit of watches is reached (fs.inotify). The looks remain.
        this.#isWatched = false
      }
    }
  }

  #pause(): void {
    this.#rest = REST
    this.#unwatch()
  }

  #unwatch(): void {
    for (const watcher of this.#watchers) watcher.close()
    this.#watchers = []
  }
}
