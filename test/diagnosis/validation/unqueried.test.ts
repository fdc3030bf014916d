import t from 'tap'
import { describeDiagnosis } from '../../../src/diagnosis/validation/diagnosis.js'
import { diagnoseUnqueried } from '../../../src/diagnosis/validation/unqueried.js'

const at = '2030-01-02T03:04:06.000Z'
const challenge = {
  ...{ type: 'dns-01' as const, token: 'token', identifier: 'example.org', port: 53, armedAt: at, expiresIn: 3599 },
  visits: [],
}

t.test('a name that nobody asked for, and what was asked for in its place', (t) => {
  const cause =
    'no request for example.org reached port 53 of this machine: nobody asked it for _acme-challenge.example.org'
  t.strictSame(diagnoseUnqueried(challenge), { code: 'not-queried', cause })
  const strays = { count: 2, at, client: '192.0.2.53:4321', token: '_acme-challenge.example.net' }
  t.equal(
    describeDiagnosis(diagnoseUnqueried({ ...challenge, strays })).split('\n', 1)[0],
    `certbot-nfq: ${cause}, but 2 queries came for other names, last from 192.0.2.53:4321 for _acme-challenge.example.net`,
  )
  t.end()
})
