import t from 'tap'
import { entryId, sealEntry, type Entry } from '../../src/store/entry.js'
import { planSync, type Knowledge, type Plan } from '../../src/store/plan.js'
import { armedEntry, NOW, SECRET, withdrawnEntry } from './entries.js'

const nothing: Knowledge = { known: new Map(), rejects: new Set() }
const id = entryId(armedEntry())
const stored = (...entries: Entry[]) => new Map(entries.map((entry) => [entryId(entry), sealEntry(entry, SECRET)]))

/** What is known once a plan has been carried out. */
function after({ known, rejects }: Plan): Knowledge {
  return { known: new Map([...known].map(([key, entry]) => [key, { ...entry, isDone: true }])), rejects }
}

t.test('what is new is armed, once', (t) => {
  const plan = planSync(nothing, stored(armedEntry()), SECRET, NOW)
  t.strictSame([plan.arm, plan.disarm, plan.refused], [[armedEntry()], [], []])
  t.strictSame(planSync(plan, stored(armedEntry()), SECRET, NOW).arm, [armedEntry()], 'again until it is done')
  t.strictSame(planSync(after(plan), stored(armedEntry()), SECRET, NOW).arm, [])
  t.end()
})

t.test('an empty store takes nothing back; a withdrawal does', (t) => {
  const knowledge = after(planSync(nothing, stored(armedEntry()), SECRET, NOW))
  const empty = planSync(knowledge, new Map(), SECRET, NOW)
  t.strictSame([empty.arm, empty.disarm], [[], []])
  t.ok(empty.known.has(id), 'it is still armed')
  const withdrawn = planSync(after(empty), stored(withdrawnEntry()), SECRET, NOW)
  t.strictSame([withdrawn.arm, withdrawn.disarm], [[], [withdrawnEntry()]])
  t.strictSame(planSync(after(withdrawn), stored(withdrawnEntry()), SECRET, NOW).disarm, [])
  t.end()
})

t.test('an entry that is put back after its withdrawal has no effect; a later one has', (t) => {
  const knowledge = after(planSync(nothing, stored(withdrawnEntry()), SECRET, NOW))
  t.strictSame(planSync(knowledge, stored(armedEntry()), SECRET, NOW).arm, [])
  const again = armedEntry({ issuedAt: NOW + 2_000 })
  t.strictSame(planSync(knowledge, stored(again), SECRET, NOW).arm, [again])
  t.end()
})

t.test('what is over is disarmed, and removed from the store; it is no replay', (t) => {
  const knowledge = after(planSync(nothing, stored(armedEntry()), SECRET, NOW))
  const later = planSync(knowledge, stored(armedEntry()), SECRET, armedEntry().expiresAt)
  t.strictSame([later.arm, later.disarm, later.refused, later.stale], [[], [armedEntry()], [], [id]])
  t.equal(later.known.size, 0)
  t.strictSame(planSync(after(later), stored(armedEntry()), SECRET, armedEntry().expiresAt).refused, [])
  const replay = planSync(nothing, stored(armedEntry()), SECRET, armedEntry().expiresAt)
  t.strictSame([replay.arm, replay.refused], [[], [{ id, reason: 'expired' }]])
  t.end()
})

t.test('what does not open is refused once, and leaves what is known as it is', (t) => {
  const knowledge = after(planSync(nothing, stored(armedEntry()), SECRET, NOW))
  const forged = new Map([[id, sealEntry(withdrawnEntry(), Buffer.alloc(32, 8))]])
  const first = planSync(knowledge, forged, SECRET, NOW)
  t.strictSame([first.refused, first.disarm, first.stale], [[{ id, reason: 'unsealed' }], [], []])
  t.equal(first.known.get(id)?.entry.state, 'armed')
  t.strictSame(planSync(after(first), forged, SECRET, NOW).refused, [])
  t.end()
})
