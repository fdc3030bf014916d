/**
 * A directory that any ACME client writes its http-01 challenges into. A challenge is armed while its file is there, at
 * most for the time to live.
 */
import { opendirSync } from 'node:fs'
import { isToken } from '../../challenge/challenge.js'
import type { WebrootStatus } from '../../control/webroot-status.js'
import { every, type Clock } from '../../responder/clock.js'
import { readChallengeFile, type FileReading, type Refusal } from './challenge-file.js'
import { WatchedWay } from './watched-way.js'

/** Arms a token with this key authorization, or disarms it. Takes its time without being waited for. */
export type Keep = (token: string, keyAuthorization: string | undefined) => void

/** How a webroot is served. */
export interface WebrootOptions {
  /** Absolute. */
  readonly directory: string
  /** Seconds that a file is armed for. */
  readonly ttl: number
  /** The most files that are armed at a time. */
  readonly most: number
  readonly clock: Clock
  readonly keep: Keep
}

/** Milliseconds between two looks without an event. */
const LOOK_EVERY = 1_000

/** Names of the directory that a look reads. Who has more there makes nobody wait. */
const MAX_NAMES = 2_000

interface Known {
  readonly version?: string
  readonly keyAuthorization?: string
  /** When its time to live ends, on the clock's scale. */
  readonly until: number
  readonly reason?: Refusal
}

/** A webroot that is served. */
export class Webroot {
  readonly #options: WebrootOptions
  readonly #way: WatchedWay
  /** The files that are named by a token. */
  readonly #known = new Map<string, Known>()
  readonly #changed = new Set<string>()
  #isDue = false
  #hasTurned = false
  #others = 0
  #isCut = false
  readonly #stopLooking: () => void
  #isClosed = false

  /** Arms what is there already, before it returns. */
  constructor(options: WebrootOptions) {
    this.#options = options
    this.#way = new WatchedWay(options.directory, {
      onName: (name) => {
        if (!isToken(name)) return
        this.#changed.add(name)
        this.#schedule()
      },
      onTurn: () => {
        this.#hasTurned = true
        this.#schedule()
      },
    })
    this.look()
    this.#stopLooking = every(options.clock, LOOK_EVERY, () => this.look())
  }

  /** How it stands, for `status`. */
  get status(): WebrootStatus {
    const refused: Record<string, number> = {}
    const count = (reason: Refusal, times = 1) => (refused[reason] = (refused[reason] ?? 0) + times)
    for (const { reason } of this.#known.values()) if (reason) count(reason)
    if (this.#others > 0) count('name', this.#others)
    const { obstacle } = this.#way.way
    return {
      directory: this.#options.directory,
      ...(obstacle && { obstacle }),
      isWatched: this.#way.isWatched,
      isCut: this.#isCut,
      armed: this.#armed,
      refused,
    }
  }

  /** Looks at the whole directory. */
  look(): void {
    if (this.#isClosed) return
    this.#way.follow()
    const names = this.#names()
    const tokens = names.filter(isToken)
    this.#others = names.length - tokens.length
    for (const token of new Set([...this.#known.keys(), ...tokens])) this.#lookAt(token)
  }

  /** Disarms nothing. The responder does that when it ends. */
  close(): void {
    this.#isClosed = true
    this.#stopLooking()
    this.#way.close()
  }

  /** Handles events together, in one turn of the loop: a client writes a file in several steps. */
  #schedule(): void {
    if (this.#isDue) return
    this.#isDue = true
    setImmediate(() => {
      this.#isDue = false
      const names = [...this.#changed]
      this.#changed.clear()
      if (this.#isClosed) return
      if (this.#hasTurned) this.look()
      else for (const name of names) this.#lookAt(name)
      this.#hasTurned = false
    })
  }

  #names(): string[] {
    const { end } = this.#way.way
    const names: string[] = []
    this.#isCut = false
    if (end === undefined) return names
    try {
      const directory = opendirSync(`/proc/self/fd/${end}`)
      try {
        for (let entry = directory.readSync(); entry; entry = directory.readSync()) {
          this.#isCut = names.length === MAX_NAMES
          if (this.#isCut) break
          names.push(entry.name)
        }
      } finally {
        directory.closeSync()
      }
    } catch {
      // It cannot be read at this moment. What is known of is looked at by name.
    }
    return names
  }

  #lookAt(token: string): void {
    const known = this.#known.get(token)
    const { end } = this.#way.way
    const reading = end === undefined ? ({ state: 'gone' } as const) : readChallengeFile(end, token)
    const next = this.#judge(reading, known)
    if (next) this.#known.set(token, next)
    else this.#known.delete(token)
    const isNew = next?.keyAuthorization !== known?.keyAuthorization || next?.version !== known?.version
    if (isNew && (next?.keyAuthorization ?? known?.keyAuthorization) !== undefined)
      this.#options.keep(token, next?.keyAuthorization)
  }

  /** Returns what is to be known of a file from now on; `undefined` when there is nothing to know. */
  #judge(reading: FileReading, known: Known | undefined): Known | undefined {
    if (reading.state === 'gone') return undefined
    if (!known && this.#known.size >= MAX_NAMES) return undefined
    if (reading.state === 'unfinished') return { until: 0 }
    if (reading.state === 'refused') return { until: 0, reason: reading.reason }
    const { clock, ttl, most } = this.#options
    const { keyAuthorization, version } = reading
    if (!known || known.version !== version) {
      const hasRoom = known?.keyAuthorization !== undefined || this.#armed < most
      return hasRoom ? { version, keyAuthorization, until: clock.now() + ttl * 1000 } : { until: 0, reason: 'count' }
    }
    // A file that stays is not armed again until it is written again.
    return known.until > clock.now() ? known : { version, until: 0, reason: 'stale' }
  }

  get #armed(): number {
    return [...this.#known.values()].filter(({ keyAuthorization }) => keyAuthorization !== undefined).length
  }
}
