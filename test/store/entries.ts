import type { Http01Challenge } from '../../src/challenge/challenge.js'
import type { ArmedEntry, WithdrawnEntry } from '../../src/store/entry.js'

export const SECRET = Buffer.alloc(32, 7)
export const NOW = Date.UTC(2030, 0, 2, 3, 4, 5)

const token = 'LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0'
const head = { type: 'http-01', token, issuedAt: NOW, expiresAt: NOW + 3_600_000, origin: 'web1' } as const

export function armedEntry(changes: Partial<ArmedEntry & Http01Challenge> = {}): ArmedEntry {
  const keyAuthorization = `${changes.token ?? token}.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI`
  return { state: 'armed', ...head, identifier: 'example.com', keyAuthorization, port: 80, ...changes }
}

/** A challenge of dns-01 that every node is to arm. */
export function dnsEntry(): ArmedEntry {
  const digest = 'LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ'
  const entry = { type: 'dns-01', token: digest, digest, identifier: 'example.com', port: 53 } as const
  return { ...entry, state: 'armed', issuedAt: NOW, expiresAt: NOW + 3_600_000, origin: 'web1' }
}

export function withdrawnEntry(changes: Partial<WithdrawnEntry> = {}): WithdrawnEntry {
  return { state: 'withdrawn', ...head, issuedAt: NOW + 1_000, ...changes }
}
