/** Serves the ports of armed challenges that nobody listens on, as long as they are armed. */
import { toFailure } from '../../failure.js'
import type { IpVersion } from '../../wire/ip.js'
import type { FlowEvent } from '../../intercept/interceptor.js'
import { formatEndpoint } from '../../wire/address.js'
import { wordsOf } from '../../wire/printable.js'
import type { Log } from '../log.js'
import type { OwnServer } from './own-server.js'

/** Where to listen, and whom to tell of those who ask. */
export interface Place {
  readonly port: number
  readonly version: IpVersion
  readonly onEvent: (event: FlowEvent) => void
}

/** What to serve, and what to tell. */
export interface StandaloneOptions {
  /** Whether it serves nothing at all. */
  readonly isOff?: boolean
  /** Opens a server. Returns the error's name when it cannot: `EADDRINUSE` when somebody else listens there. */
  readonly open: (place: Place) => Promise<OwnServer | string>
  /** Returns whether a request for this token is told, but not logged here. */
  readonly isQuiet?: (key: string) => boolean
  readonly families: () => readonly { readonly version: IpVersion; readonly isTracked: boolean }[]
  /** Returns whether rules send on what comes to the port. Then another machine serves it. */
  readonly isTranslated: (version: IpVersion, port: number) => Promise<boolean>
  readonly onEvent: (event: FlowEvent) => void
}

interface Held {
  readonly version: IpVersion
  readonly server: OwnServer
}

/** Serves ports while they are wanted and nobody else listens on them. */
export class Standalone {
  /** Requests that the rules missed and that were answered here. */
  served = 0
  readonly #options: StandaloneOptions
  readonly #log: Log
  /** Each port that was checked, with the servers that we have on it. */
  readonly #ports = new Map<number, readonly Held[]>()
  #last: Promise<void> = Promise.resolve()

  constructor(options: StandaloneOptions, log: Log) {
    this.#options = options
    this.#log = log
  }

  /** Whether it serves nothing at all, as with --no-standalone. */
  get isOff(): boolean {
    return this.#options.isOff ?? false
  }

  /** The ports it serves by at least one IP version. */
  get ports(): number[] {
    return [...this.#ports].flatMap(([port, held]) => (held.length > 0 ? [port] : []))
  }

  /** Whether it serves every port that it was to cover, by every IP version. */
  get isAlone(): boolean {
    const families = this.#options.families().length
    return this.#ports.size > 0 && [...this.#ports.values()].every((held) => held.length >= families)
  }

  /**
   * Serves the ports that `wanted` returns, and frees all others. It calls `wanted` when all earlier calls are done. A
   * port is checked when it is new. Never rejects: a port that cannot be served is left alone.
   */
  cover(wanted: () => readonly number[]): Promise<void> {
    this.#last = this.#last.then(async () => {
      const ports = wanted()
      for (const [port, held] of this.#ports) if (!ports.includes(port)) this.#free(port, held)
      for (const port of ports) if (!this.#ports.has(port)) this.#ports.set(port, await this.#hold(port))
    })
    return this.#last
  }

  #free(port: number, held: readonly Held[]): void {
    this.#ports.delete(port)
    for (const { server } of held) server.close()
    if (held.length > 0) this.#log('info', `port ${port} is free again`)
  }

  async #hold(port: number): Promise<Held[]> {
    const held = (await Promise.all(this.#options.families().map((family) => this.#holdFamily(port, family)))).filter(
      (one) => one !== undefined,
    )
    if (held.length > 0)
      this.#log(
        'info',
        `nobody listens on port ${port} (${held.map(({ version }) => `IPv${version}`).join(', ')}): serving it ourselves`,
      )
    return held
  }

  async #holdFamily(
    port: number,
    { version, isTracked }: ReturnType<StandaloneOptions['families']>[number],
  ): Promise<Held | undefined> {
    const { open, isTranslated } = this.#options
    const server = await open({ port, version, onEvent: (event) => this.#note(event) })
    if (typeof server === 'string') {
      // An IP version that is switched off has no address to listen on, and no client.
      const isExpected = ['EADDRINUSE', 'EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(server)
      this.#log(isExpected ? 'debug' : 'warning', `not serving port ${port} by IPv${version}: ${server}`)
      return undefined
    }
    const isSentOn = () =>
      isTranslated(version, port).catch((thrown: unknown) => {
        this.#log('warning', `cannot be seen whether rules send port ${port} on: ${toFailure(thrown).message}`)
        return false
      })
    // Without connection tracking nothing is translated.
    if (!isTracked || !(await isSentOn())) return { version, server }
    server.close()
    this.#log('debug', `not serving port ${port} by IPv${version}: rules send it on`)
    return undefined
  }

  #note(event: FlowEvent): void {
    if (event.kind === 'answered') this.served++
    this.#options.onEvent(event)
    if (this.#options.isQuiet?.(event.key)) return
    this.#log(
      'info',
      `${event.key} ${wordsOf(event.kind)}, by our own server: ${formatEndpoint(event.client, event.clientPort)}`,
    )
  }
}
