/** What a validator asks for, by challenge type. Pure. */
import { isOfType, type Challenge, type ChallengeType } from './challenge.js'
import { CHALLENGE_LABEL } from '../wire/dns/dns.js'
import { challengeName } from './dns-01/names.js'

/** Returns what the validator of a challenge asks for: a name with dns-01, its token otherwise. */
export function keyOf(challenge: Challenge): string {
  return isOfType(challenge, 'dns-01') ? challengeName(challenge.identifier) : challenge.token
}

/** Returns the type of the challenge that is asked for by a key, armed or not. */
export function typeOfKey(key: string): ChallengeType {
  return key.startsWith(`${CHALLENGE_LABEL}.`) ? 'dns-01' : 'http-01'
}
