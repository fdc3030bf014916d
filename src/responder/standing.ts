/** What a responder answers without its being armed: any token of one account, for as long as the responder runs. */
import { statelessAnswer, type Stateless } from '../challenge/http-01/stateless.js'
import type { StatelessStatus } from '../control/stateless-status.js'
import type { FlowEvent } from '../intercept/interceptor.js'
import { formatEndpoint } from '../wire/address.js'
import type { Clock } from './clock.js'
import type { Log } from './log.js'
import { Visits } from './visits.js'

/** What is answered, and where. */
export interface StandingOptions {
  readonly stateless: Stateless
  readonly port: number
  /** Whether the responder listens on the port while nobody else does. */
  readonly isListening: boolean
}

/** The most visits that are logged in a time, and that time in milliseconds. Of those beyond only the number is. */
const LOGGED = { visits: 20, within: 60_000 } as const

/** The stateless answers of a responder, from `begin` until `end`. */
export class Standing {
  readonly options: StandingOptions
  isOn = false
  readonly #clock: Clock
  readonly #log: Log
  readonly #visits = new Visits()
  #answered = 0
  #abandoned = 0
  /** Visits since the time began in which so many are logged; undefined between two such times. */
  #recent: number | undefined

  constructor(options: StandingOptions, clock: Clock, log: Log) {
    this.options = options
    this.#clock = clock
    this.#log = log
  }

  /** Begins to answer. The rules that this takes are not there yet. */
  begin(): void {
    this.isOn = true
  }

  /** Logs what is answered. */
  announce(): void {
    const { thumbprint } = this.options.stateless
    this.#log('info', `any token is answered for the account ${thumbprint}${this.#forNames}`, { event: 'standing' })
  }

  /** Answers nothing any more. */
  end(): void {
    this.isOn = false
  }

  /** Returns whether this is what a token is answered with, wherever the same account is answered for. */
  isAnswer(token: string, keyAuthorization: string): boolean {
    return this.isOn && statelessAnswer(this.options.stateless, token) === keyAuthorization
  }

  /** Notes an event of a connection for a token that is not armed. A flood of them fills neither memory nor log. */
  note(event: FlowEvent & { readonly kind: Exclude<FlowEvent['kind'], 'unknownToken'> }): void {
    this.#visits.note(event, this.#clock.date())
    const { kind, key, client, clientPort } = event
    if (kind === 'answered') this.#answered++
    if (kind === 'abandoned') this.#abandoned++
    if (kind !== 'acknowledged' && kind !== 'abandoned') return
    if (this.#recent === undefined) {
      this.#recent = 0
      this.#clock.after(LOGGED.within, () => this.#sumUp())
    }
    if (++this.#recent > LOGGED.visits) return
    const endpoint = formatEndpoint(client, clientPort)
    this.#log('info', `${key}, which is not armed, ${kind}: ${endpoint}`, { event: kind, token: key, client: endpoint })
  }

  /** Returns the status; `undefined` while nothing is answered. */
  status(): StatelessStatus | undefined {
    if (!this.isOn) return undefined
    const { stateless, port } = this.options
    return { ...stateless, port, answered: this.#answered, abandoned: this.#abandoned, visits: this.#visits.list() }
  }

  get #forNames(): string {
    const { names } = this.options.stateless
    return names.length === 0 ? '' : `, for ${names.join(', ')}`
  }

  #sumUp(): void {
    const more = (this.#recent ?? 0) - LOGGED.visits
    this.#recent = undefined
    if (more > 0) this.#log('info', `${more} more requests for tokens that are not armed, within a minute`)
  }
}
