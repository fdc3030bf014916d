import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isArmed } from '../../src/cli/hook/challenges.js'
import { inRepository } from '../../src/lab/repository.js'
import { run } from '../../src/lab/run.js'
import { scriptedResponder } from '../control/scripted-responder.js'
import { challengeFor } from '../scenarios/challenge.js'
import { temporaryDirectory } from '../temporary-directory.js'

t.test(
  'an auth hook arms although the responder ended, or was of another version, when it was asked first',
  async (t) => {
    const old = '{"version":99,"ok":true}\n'
    for (const [first, what] of [
      ['', 'one that ends'],
      [old, 'one of another version'],
    ] as const) {
      const runDir = temporaryDirectory(t)
      chmodSync(runDir, 0o700)
      const { lines } = await scriptedResponder(t, join(runDir, 'control'), (_line, _socket, place) =>
        place === 0 ? first : '{"version":1,"ok":true}\n',
      )
      const { token, keyAuthorization } = challengeFor('second')
      const { exitCode, stderr } = await run([inRepository('hooks/auth'), '--run-dir', runDir, '--no-self-check'], {
        env: {
          CERTBOT_DOMAIN: 'example.com',
          CERTBOT_TOKEN: token,
          CERTBOT_VALIDATION: keyAuthorization,
          CERTBOT_ALL_DOMAINS: 'www.example.com,example.com',
          CERTBOT_REMAINING_CHALLENGES: '0',
          CERTBOT_AUTH_OUTPUT: '',
        },
        reject: false,
      })
      t.strictSame([exitCode, stderr], [0, ''], what)
      t.match(
        lines.map((line) => JSON.parse(line) as object),
        [{ op: 'status' }, { op: 'arm', token }],
        what,
      )
    }
  },
)

t.test('where nobody answers, nothing is known to be armed', async (t) => {
  const runDir = temporaryDirectory(t)
  chmodSync(runDir, 0o700)
  t.equal(await isArmed('LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0', { runDir }), false)
})
