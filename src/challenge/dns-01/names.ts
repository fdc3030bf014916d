/** The names that validators ask for (RFC 8555, 8.4). */

import { CHALLENGE_LABEL } from '../../wire/dns/dns.js'

/** Bytes of that label, its length included: where the name that is validated begins. */
export const CHALLENGE_LABEL_LENGTH = 1 + CHALLENGE_LABEL.length

/** Returns the name that is asked for to validate an identifier, in lower case and without a dot at the end. */
export function challengeName(identifier: string): string {
  return `${CHALLENGE_LABEL}.${identifier.toLowerCase().replace(/\.$/, '')}`
}

/**
 * Returns a name as it is in a message: each label with its length before it, and an empty one (RFC 1035, 3.1). A
 * character that no query is read with gives a byte that no query has.
 */
export function wireName(name: string): Uint8Array {
  const labels = name === '' ? [] : name.split('.')
  return Uint8Array.from([
    ...labels.flatMap((label) => [label.length, ...Array.from(label, (character) => character.charCodeAt(0))]),
    0,
  ])
}
