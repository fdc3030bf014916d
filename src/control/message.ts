/**
 * The messages between hooks and responder: one JSON object on one line, one request and one response for each
 * connection. Every message carries the version of this protocol, so that an upgrade between auth and cleanup is
 * noticed.
 */
import { readChallenge, type Challenge } from '../challenge/challenge.js'
import { Failure, isFailureCode, toFailure, type FailureCode } from '../failure.js'
import { readChallengeStatus, readVisits, type ChallengeStatus, type Visit } from './challenge-status.js'
import { isObject, readList, readSentence, type Fields } from './fields.js'
import { readResponderStatus, type ResponderStatus } from './responder-status.js'
import { readSelfCheckOrder, type SelfCheckOrder } from './self-check-order.js'
import { readStoreStatus, type StoreStatus } from './store-status.js'
import { MAX_WEBROOTS, readWebrootStatus, type WebrootStatus } from './webroot-status.js'

/**
 * The version. It is raised whenever an older responder or hook could misunderstand. `disarm`, `stop` and their
 * responses never change, so that one version can end what another has armed. They may gain fields that the other side
 * can ignore.
 */
export const PROTOCOL_VERSION = 1

/** Longest message, in bytes, line end included. */
export const MAX_MESSAGE = 64 * 1024

/** Asks the responder to arm a challenge. */
export type ArmRequest = Challenge & {
  readonly op: 'arm'
  /** The port that the validator asks. */
  readonly port: number
  /** Seconds after which the challenge is forgotten. */
  readonly ttl: number
  /**
   * Whether the hook makes a self-check when something new is covered. Responders that do not know it leave `check` out
   * of the response.
   */
  readonly selfCheck?: true
}

/** What a hook or command may ask. */
export type ControlRequest =
  | ArmRequest
  | { readonly op: 'disarm'; readonly token: string }
  | { readonly op: 'status' }
  | { readonly op: 'stop' }
  /** Tells how the watched webroots stand. */
  | { readonly op: 'webroots'; readonly webroots: readonly WebrootStatus[] }
  /** Tells how the store of a fleet stands. */
  | { readonly op: 'store'; readonly store: StoreStatus }

/** What the responder answers. */
export type ControlResponse =
  | {
      readonly ok: true
      readonly status?: ResponderStatus
      /** Whether the responder ends because of this. */
      readonly stopped?: boolean
      /**
       * In the answer to a `disarm`: the challenge as it was in the end. Absent when it was not armed, and from older
       * responders.
       */
      readonly challenge?: ChallengeStatus
      /** In the answer to a `disarm`: this responder has never had the token. Absent from older responders. */
      readonly unknown?: boolean
      /** In the answer to an `arm` that has covered a new port: the self-check to make. */
      readonly check?: SelfCheckOrder
      /** In the answer to a `disarm` of a self-check's token: who has asked for it. Absent from older responders. */
      readonly seen?: readonly Visit[]
    }
  | { readonly ok: false; readonly code: FailureCode | 'stopping'; readonly message: string }

/** Returns a message in the form in which it is sent. */
export function formatMessage(message: ControlRequest | ControlResponse): string {
  return `${JSON.stringify({ version: PROTOCOL_VERSION, ...message })}\n`
}

/** Reads a request. @throws Failure `control-malformed`, `protocol-version` */
export function parseRequest(line: string): ControlRequest {
  const message = parseObject(line)
  const { op } = message
  if (op === 'stop') return { op }
  // Any token is accepted, so that what a version with other bounds has armed can be disarmed.
  if (op === 'disarm') return { op, token: readString(message, 'token') }
  checkVersion(message)
  if (op === 'status') return { op }
  if (op === 'webroots') return { op, webroots: readWebroots(message) }
  if (op === 'store') return { op, store: readStore(message) }
  if (op !== 'arm') throw new Failure('control-malformed', `unknown operation in a control message: ${show(op)}`)
  const challenge = readChallenge(message)
  if (typeof challenge === 'string')
    throw new Failure('control-malformed', `control message: ${challenge} is not what a challenge has there`)
  return {
    op,
    ...challenge,
    port: readNumber(message, 'port', 65535),
    ttl: readNumber(message, 'ttl', MAX_TTL),
    ...(message['selfCheck'] === true && { selfCheck: true as const }),
  }
}

function readWebroots({ webroots }: Fields): readonly WebrootStatus[] {
  const read = readList(webroots, MAX_WEBROOTS, readWebrootStatus)
  if (read) return read
  throw new Failure('control-malformed', 'control message: webroots is not what a report of webroots has there')
}

function readStore({ store }: Fields): StoreStatus {
  const read = readStoreStatus(store)
  if (read) return read
  throw new Failure('control-malformed', 'control message: store is not what a report of a store has there')
}

/** Longest time to live, in seconds: a week. */
export const MAX_TTL = 7 * 24 * 3600

/**
 * Reads the response to a request of that kind. A refusal is thrown. Only known fields are kept, and nothing that is
 * longer or deeper than it may be: whoever has taken the responder over writes to a hook that is root.
 * @throws Failure as the responder gave it, `control-malformed`, `protocol-version`
 */
export function parseResponse(
  line: string,
  op: ControlRequest['op'],
): Extract<ControlResponse, { ok: true }> | 'stopping' {
  const message = parseObject(line)
  if (message['ok'] === false) {
    if (message['code'] === 'stopping') return 'stopping'
    const code = isFailureCode(message['code']) ? message['code'] : 'internal'
    throw new Failure(code, readSentence(message['message']) ?? 'the responder refused without a reason')
  }
  if (message['stopped'] !== true && op !== 'disarm') checkVersion(message)
  const status = op === 'status' ? readResponderStatus(message['status']) : undefined
  if (message['ok'] !== true || (op === 'status' && !status))
    throw new Failure('control-malformed', 'the responder gave an answer that is none')
  const challenge = op === 'disarm' ? readChallengeStatus(message['challenge']) : undefined
  const seen = op === 'disarm' ? readVisits(message['seen']) : undefined
  // The challenge is armed whatever the order is. An order that is malformed is not carried out.
  const check = op === 'arm' ? readSelfCheckOrder(message['check']) : undefined
  return {
    ok: true,
    ...(message['stopped'] === true && { stopped: true }),
    ...(status && { status }),
    ...(challenge && { challenge }),
    ...(op === 'disarm' && message['unknown'] === true && { unknown: true }),
    ...(check && { check }),
    ...(seen && { seen }),
  }
}

/** Returns the refusal for anything thrown. */
export function refusal(thrown: unknown): ControlResponse {
  const { code, message } = toFailure(thrown)
  return { ok: false, code, message }
}

function parseObject(line: string): Fields {
  try {
    const value: unknown = JSON.parse(line)
    if (isObject(value)) return value
  } catch {
    // The failure below says it.
  }
  throw new Failure('control-malformed', 'a control message is not a JSON object on one line')
}

function checkVersion({ version }: Fields): void {
  if (version === PROTOCOL_VERSION) return
  throw new Failure(
    'protocol-version',
    `hook and responder speak different protocol versions (${show(version)}, ${PROTOCOL_VERSION})`,
  )
}

/**
 * Returns a value from elsewhere for people. It is short, because it goes into the log and so into every status. Nested
 * values, which may be too deep to print, are left out.
 */
function show(value: unknown): string {
  if (value === undefined) return 'none'
  if (typeof value === 'object' && value !== null) return 'an object'
  return JSON.stringify(typeof value === 'string' ? value.slice(0, 40) : value)
}

function readString(message: Fields, name: string): string {
  const value = message[name]
  if (typeof value === 'string' && value !== '' && value.length <= 1024) return value
  throw new Failure('control-malformed', `control message: ${name} must be a string of 1 to 1024 characters`)
}

function readNumber(message: Fields, name: string, max: number): number {
  const value = message[name]
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max) return value
  throw new Failure('control-malformed', `control message: ${name} must be a whole number from 1 to ${max}`)
}
