import t from 'tap'
import type { Visit } from '../../../src/control/challenge-status.js'
import { describeVisit } from '../../../src/diagnosis/validation/describe-visit.js'

const visit: Visit = { at: '2030-01-02T03:04:07.000Z', client: '192.0.2.2:50000', state: 'acknowledged' }
const start = '2030-01-02T03:04:07.000Z 192.0.2.2:50000'
const answer = { status: 200, bytes: 87 }

t.test('a visit says when, who, what was answered, and whether that arrived', (t) => {
  const lines = [
    [{ ...visit, answer }, 'answered with 200 and 87 bytes, acknowledged'],
    [{ ...visit, state: 'answered', answer }, 'answered with 200 and 87 bytes, not acknowledged yet'],
    [
      { ...visit, state: 'abandoned', answer: { status: 200, bytes: 0 } },
      'answered with 200 and 0 bytes, never acknowledged',
    ],
    [{ ...visit, state: 'takenOver' }, 'not answered yet: its request is not whole'],
    [{ ...visit, state: 'abandoned' }, 'not answered: it never finished its request'],
    [{ ...visit, answer: { status: 0, bytes: 101 } }, 'answered with 101 bytes, acknowledged'],
    [{ ...visit, state: 'answered', answer, transport: 'udp' }, 'answered by UDP with 87 bytes'],
  ] as const satisfies readonly (readonly [Visit, string])[]
  for (const [each, text] of lines) t.equal(describeVisit(each), `${start} ${text}`)
  t.end()
})

t.test('an older responder does not say what it answered', (t) => {
  t.equal(describeVisit(visit), `${start} answered, acknowledged`)
  t.equal(describeVisit({ ...visit, state: 'answered' }), `${start} answered, not acknowledged yet`)
  t.end()
})
