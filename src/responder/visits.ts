/** The visits for one token. */
import type { Visit } from '../control/challenge-status.js'
import type { FlowEvent } from '../intercept/interceptor.js'
import { formatEndpoint } from '../wire/address.js'

/** The newest visits that are kept. */
const MAX_VISITS = 50

interface NotedVisit {
  readonly at: Date
  readonly client: string
  state: Visit['state']
  answer?: NonNullable<Visit['answer']>
  readonly transport?: 'udp'
}

/** An event of a connection that was taken over. */
export type VisitEvent = FlowEvent & { readonly kind: Visit['state'] }

/** Notes visits, up to a limit. */
export class Visits {
  readonly #visits: NotedVisit[] = []

  /** Notes an event, with the time of day at which it came. Each connection of a client is a visit of its own. */
  note({ kind, client, clientPort, answer, transport }: VisitEvent, at: Date): void {
    const endpoint = formatEndpoint(client, clientPort)
    const isSame = (visit: NotedVisit) => visit.client === endpoint && visit.transport === transport
    let visit = this.#visits.findLast(isSame)
    if (!visit || kind === 'takenOver')
      this.#visits.push((visit = { at, client: endpoint, state: kind, ...(transport && { transport }) }))
    visit.state = kind
    if (answer) visit.answer = answer
    if (this.#visits.length > MAX_VISITS) this.#visits.shift()
  }

  /** Whether somebody has asked, and everybody who asked has acknowledged the answer, or was sent it by UDP. */
  get areWell(): boolean {
    const isWell = ({ state, transport }: NotedVisit) => state === (transport === 'udp' ? 'answered' : 'acknowledged')
    return this.#visits.length > 0 && this.#visits.every(isWell)
  }

  /** Returns the newest visits as they are now, oldest first. */
  list(): Visit[] {
    return this.#visits.map(({ at, ...rest }) => ({ at: at.toISOString(), ...rest }))
  }
}
