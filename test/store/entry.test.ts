import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { CLOCK_TOLERANCE, entryId, openEntry, sealEntry, type Entry } from '../../src/store/entry.js'
import { open, seal } from '../../src/store/seal.js'
import { MAX_TTL } from '../../src/control/message.js'
import { holds } from '../holds.js'
import { armedEntry, dnsEntry, NOW, SECRET, withdrawnEntry } from './entries.js'

const read = (sealed: string, now = NOW, id = entryId(armedEntry())) => openEntry(id, sealed, SECRET, now)

t.test('an entry is read as it was sealed, without what has no word', (t) => {
  for (const entry of [armedEntry(), withdrawnEntry()] as Entry[]) {
    t.strictSame(read(sealEntry(entry, SECRET)), entry)
    t.strictSame(read(sealEntry({ ...entry, more: 1 } as unknown as Entry, SECRET)), entry)
  }
  t.end()
})

t.test('a challenge of another type is stored under another name', (t) => {
  const entry = dnsEntry()
  t.strictSame(openEntry(entryId(entry), sealEntry(entry, SECRET), SECRET, NOW), entry)
  t.not(entryId(entry), entryId({ type: 'tls-alpn-01', token: entry.token }))
  t.end()
})

t.test('who has another secret, or none, seals nothing that opens', (t) => {
  const sealed = sealEntry(armedEntry(), SECRET)
  t.equal(openEntry(entryId(armedEntry()), sealed, randomBytes(32), NOW), 'unsealed')
  const forged = Buffer.from(JSON.stringify({ ...armedEntry(), identifier: 'victim.example' })).toString('base64url')
  t.equal(read(`1.${forged}.${sealed.split('.')[2] ?? ''}`), 'unsealed', 'another content with this seal')
  t.equal(read(sealed, NOW, 'AAAAAAAAAAAAAAAA'), 'unsealed', 'under another name')
  t.equal(read(seal('node', entryId(armedEntry()), armedEntry(), SECRET)), 'unsealed', 'as another kind')
  t.end()
})

t.test('one character of the text makes the difference', (t) => {
  const sealed = sealEntry(armedEntry(), SECRET)
  holds(
    t,
    'it does not open',
    fc.property(fc.nat(sealed.length - 1), fc.constantFrom(...'Az0_.-'), (at, other) => {
      const changed = sealed.slice(0, at) + other + sealed.slice(at + 1)
      if (changed === sealed) return true
      // The last character of a MAC has two bits that mean nothing. They make the text another, but not the MAC.
      const isSameMac = at === sealed.length - 1 && typeof read(changed) === 'object'
      return isSameMac || typeof read(changed) === 'string'
    }),
  )
  t.end()
})

t.test('what is not ours is malformed, and throws nothing', (t) => {
  for (const text of ['', '1..', 'x', '2.e30.'.padEnd(49, 'A'), `1.${'A'.repeat(200_000)}.${'A'.repeat(43)}`])
    t.equal(read(text), 'malformed', text.slice(0, 40))
  const wrong = [
    { ...armedEntry(), token: 'short' },
    { ...armedEntry(), keyAuthorization: 'of.another' },
    { ...armedEntry(), identifier: 'a b' },
    { ...armedEntry(), port: 0 },
    { ...armedEntry(), issuedAt: -1 },
    { ...armedEntry(), expiresAt: '1' },
    { ...armedEntry(), origin: '' },
    { ...armedEntry(), state: 'novel' },
  ] as unknown as Entry[]
  for (const entry of wrong) t.equal(read(seal('entry', entryId(armedEntry()), entry, SECRET)), 'malformed')
  t.equal(read(seal('entry', entryId(armedEntry()), { type: 'dns-02' }, SECRET)), 'other type')
  const dns = seal('entry', entryId(dnsEntry()), { ...dnsEntry(), digest: 'short' }, SECRET)
  t.equal(read(dns, NOW, entryId(dnsEntry())), 'malformed')
  const text = sealEntry(armedEntry(), SECRET)
  t.strictSame(open('entry', entryId(armedEntry()), text, SECRET), { value: armedEntry() })
  t.end()
})

t.test('an entry is refused when its time is over by our clock, and when it comes from the future', (t) => {
  const sealed = sealEntry(armedEntry(), SECRET)
  t.equal(typeof read(sealed, armedEntry().expiresAt - 1), 'object')
  t.equal(read(sealed, armedEntry().expiresAt), 'expired', 'a replay')
  t.equal(typeof read(sealed, NOW - CLOCK_TOLERANCE), 'object')
  t.equal(read(sealed, NOW - CLOCK_TOLERANCE - 1), 'from the future')
  const endless = { ...armedEntry(), expiresAt: NOW + MAX_TTL * 1000 + CLOCK_TOLERANCE + 1 }
  t.equal(read(sealEntry(endless, SECRET)), 'from the future', 'longer than the longest time to live')
  t.end()
})
