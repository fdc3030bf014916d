import t from 'tap'
import type { ChallengeStatus } from '../../../src/control/challenge-status.js'
import { describeDiagnosis } from '../../../src/diagnosis/validation/diagnosis.js'
import { diagnoseExpired, diagnoseLost, type LostChallenge } from '../../../src/diagnosis/validation/lost.js'

const lost: LostChallenge = { identifier: 'a.example', kind: 'killed', pid: 42, detail: 'by SIGKILL' }

t.test('each way to lose a challenge has its cause and its code', (t) => {
  const table = [
    ['killed', 'responder-killed', /^a\.example: the responder .* \(process 42\) was ended by SIGKILL before/],
    ['gone', 'responder-killed', /\(process 42\) was killed, and its keeper too/],
    ['hung', 'responder-failed', /hung, and its keeper has ended it$/],
    ['failed', 'responder-failed', /failed: it ended by SIGKILL/],
    ['out of memory', 'out-of-memory', /^a\.example: the kernel killed the responder .* for want of memory$/],
    ['expired', 'expired', /^a\.example: the time to live of its challenge was over/],
    ['unknown', 'not-armed', /^a\.example: no challenge is armed for it here: the responder was stopped, or /],
  ] as const
  for (const [kind, code, cause] of table) {
    const diagnosis = diagnoseLost({ ...lost, kind })
    t.match(diagnosis, { code, cause }, kind)
    t.match(describeDiagnosis(diagnosis), /^certbot-nfq: a\.example: .*\n\S.* \[[a-z-]+, docs\/errors\.md#[a-z-]+\]$/)
  }
  t.match(diagnoseLost({ ...lost, pid: 0 }).cause, /its challenge was ended/, 'no process number, none told')
  t.end()
})

t.test('of a challenge that has expired the responder still tells who had asked', (t) => {
  const challenge: ChallengeStatus = {
    token: 'token',
    identifier: 'a.example',
    port: 80,
    armedAt: '2030-01-02T03:04:06.000Z',
    expiresIn: 0,
    visits: [],
  }
  t.match(diagnoseExpired(challenge), { code: 'expired', cause: /; nobody had asked by then$/ })
  const visit = { at: challenge.armedAt, client: '192.0.2.2:1', state: 'answered' } as const
  t.match(diagnoseExpired({ ...challenge, visits: [visit] }).cause, /; by then: a\.example: 1 request from 1 address/)
  t.end()
})
