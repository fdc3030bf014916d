import { statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs } from '../scenarios/armed-lab.js'
import { challengeFor } from '../scenarios/challenge.js'
import { exchange } from '../scenarios/tcp-client.js'

const challenge = challengeFor('no file may grow')

t.test(
  'where no file may grow, the responder does without its log file',
  await requiresKernel(...programs),
  async (t) => {
    const lab = await openArmedLab(t)
    const log = join(lab.directory, 'log')
    const auth = [inRepository('hooks/auth'), '--run-dir', lab.runDirectory, '--log-file', log]
    const { exitCode, stderr } = await lab.server.exec(['sh', '-c', 'ulimit -f 0 && exec "$@"', 'sh', ...auth], {
      reject: false,
      env: {
        CERTBOT_DOMAIN: 'example.com',
        CERTBOT_TOKEN: challenge.token,
        CERTBOT_VALIDATION: challenge.keyAuthorization,
        CERTBOT_NFQ_NO_SELF_CHECK: '1',
      },
    })
    t.strictSame([exitCode, stderr], [0, ''])
    t.equal(await exchange(lab.validator, { address: lab.server.addresses.ipv4 }, challenge.request), challenge.reply)
    const { counts } = await lab.running()
    t.ok((counts['logLinesLost'] ?? 0) > 3, 'what is lost is counted')
    t.equal(statSync(log).size, 0)
    t.equal((await lab.cleanup(challenge)).exitCode, 0)
    t.strictSame(await lab.leftovers(), [])
  },
)
