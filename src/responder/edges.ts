/** What a responder needs from the machine. A test passes its own. */
import { converse, type Converse } from '../firewall/conversation.js'
import { run, type Run } from '../firewall/run.js'
import { ipSets, type IpSets } from '../kernel/ip-sets.js'
import { openQueue } from '../kernel/queue.js'
import { openRawSockets } from '../kernel/raw-socket.js'
import { openXtablesLock } from '../kernel/xtables-lock.js'
import { systemClock, type Clock } from './clock.js'
import { findFamilies, type Families } from './families.js'

/** The functions by which a responder reaches the machine. */
export interface Edges {
  readonly clock: Clock
  readonly run: Run
  readonly converse: Converse
  readonly sets: IpSets
  readonly openQueue: typeof openQueue
  readonly openRawSockets: typeof openRawSockets
  readonly openXtablesLock: typeof openXtablesLock
  /** Takes our bit of the connection mark. */
  readonly findFamilies: (mark: number) => Promise<Families>
}

/** The edges of this machine. */
export const systemEdges: Edges = {
  clock: systemClock,
  run,
  converse,
  sets: ipSets,
  openQueue,
  openRawSockets,
  openXtablesLock,
  findFamilies: (mark) => findFamilies(run, mark),
}
