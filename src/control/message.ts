/**
 * What hooks and responder say to each other: one JSON object on one line, one request and one response a connection.
 * Every message carries the version of this protocol, so that an upgrade between auth and cleanup is noticed.
 */
import { readChallenge, type Challenge } from '../challenge/challenge.js'
import { Failure, isFailureCode, toFailure, type FailureCode } from '../failure.js'
import { readChallengeStatus, readVisits, type ChallengeStatus, type Visit } from './challenge-status.js'
import { isObject, readSentence, type Fields } from './fields.js'
import { readResponderStatus, type ResponderStatus } from './responder-status.js'
import { readSelfCheckOrder, type SelfCheckOrder } from './self-check-order.js'

/**
 * Raised whenever an older responder or hook could misunderstand. `disarm`, `stop` and their responses never change:
 * what one version has armed another can end. They may gain what the other side can do without.
 */
export const PROTOCOL_VERSION = 1

/** Longest message, in bytes, line end included. */
export const MAX_MESSAGE = 64 * 1024

/** Asks the responder to arm a challenge. */
export interface ArmRequest extends Challenge {
  readonly op: 'arm'
  readonly port: number
  /** Seconds after which the challenge is forgotten. */
  readonly ttl: number
  /**
   * Whether the hook makes a request of its own where something new is covered. Responders that do not know it leave
   * `check` out of the response.
   */
  readonly selfCheck?: true
}

/** What a hook or command may ask. */
export type ControlRequest =
  ArmRequest | { readonly op: 'disarm'; readonly token: string } | { readonly op: 'status' } | { readonly op: 'stop' }

/** What the responder answers. */
export type ControlResponse =
  | {
      readonly ok: true
      readonly status?: ResponderStatus
      /** Whether the responder has ended by this. */
      readonly stopped?: boolean
      /** To a `disarm`: the last of the challenge. Absent when it was not armed, and from older responders. */
      readonly challenge?: ChallengeStatus
      /** To an `arm` that has covered a port anew: what a self-check is to ask for. */
      readonly check?: SelfCheckOrder
      /** To a `disarm` of a self-check's token: who has asked for it. Absent from older responders. */
      readonly seen?: readonly Visit[]
    }
  | { readonly ok: false; readonly code: FailureCode | 'stopping'; readonly message: string }

/** A message as it goes over the socket. */
export function formatMessage(message: ControlRequest | ControlResponse): string {
  return `${JSON.stringify({ version: PROTOCOL_VERSION, ...message })}\n`
}

/** Reads a request. @throws Failure `control-malformed`, `protocol-version` */
export function parseRequest(line: string): ControlRequest {
  const message = parseObject(line)
  const { op } = message
  if (op === 'stop') return { op }
  // Any token: what was armed by a version with other bounds is to be disarmed too.
  if (op === 'disarm') return { op, token: readString(message, 'token') }
  checkVersion(message)
  if (op === 'status') return { op }
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

/** Longest time to live, in seconds: a week. */
export const MAX_TTL = 7 * 24 * 3600

/**
 * Reads the response to a request of that kind; a refusal is thrown. Only what has a word here comes through, and
 * nothing longer or deeper than it may be: whoever has taken the responder over writes to a hook that is root.
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
  // The challenge is armed whatever the order is: one that is none is not carried out.
  const check = op === 'arm' ? readSelfCheckOrder(message['check']) : undefined
  return {
    ok: true,
    ...(message['stopped'] === true && { stopped: true }),
    ...(status && { status }),
    ...(challenge && { challenge }),
    ...(check && { check }),
    ...(seen && { seen }),
  }
}

/** The refusal that stands for anything thrown. */
export function refusal(thrown: unknown): ControlResponse {
  const { code, message } = toFailure(thrown)
  return { ok: false, code, message }
}

function parseObject(line: string): Fields {
  try {
    const value: unknown = JSON.parse(line)
    if (isObject(value)) return value
  } catch {
    // Said below.
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
 * A value of somebody else's, for people: short, for it goes into the log, and so into every status. Nothing nested,
 * which may be too deep to print.
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
