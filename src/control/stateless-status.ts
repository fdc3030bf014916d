/** What a responder reports of its stateless answers. */
import { readVisits, type Visit } from './challenge-status.js'
import { isCount, isListOf, isObject, isPort, isWord } from './fields.js'

/** The account that any token is answered for, and who has asked. */
export interface StatelessStatus {
  readonly thumbprint: string
  /** The names that it is limited to; none stands for all. */
  readonly names: readonly string[]
  readonly port: number
  /** Requests for tokens that were not armed: answered, and ended without an acknowledgment. */
  readonly answered: number
  readonly abandoned: number
  /** The newest ones, oldest first. */
  readonly visits: readonly Visit[]
}

/** Most names that are read. */
const MAX_NAMES = 1_000

/** Reads what a responder may have sent. Returns `undefined` when it is missing or cannot be understood. */
export function readStatelessStatus(value: unknown): StatelessStatus | undefined {
  if (!isObject(value)) return undefined
  const { thumbprint, names, port, answered, abandoned } = value
  const visits = readVisits(value['visits'])
  if (!isWord(thumbprint) || !isListOf(names, MAX_NAMES, isWord) || !isPort(port)) return undefined
  if (!isCount(answered) || !isCount(abandoned) || !visits) return undefined
  return { thumbprint, names, port, answered, abandoned, visits }
}
