import t from 'tap'
import { request } from '../../src/lab/http.js'
import { openScene, scenePrograms } from '../../src/lab/scene.js'
import { requiresKernel } from '../requires-kernel.js'

t.test(
  'a validation that fails, hooks told the wrong port, leaves nothing behind',
  await requiresKernel(...scenePrograms),
  async (t) => {
    const { lab, webServer, certbot, ...scene } = await openScene({ hooks: { options: ['--port', '81'] } })
    t.teardown(scene.close)

    const outcome = await certbot.certonly(['wrong.example.com'])

    t.equal(outcome.exitCode, 1)
    t.match(outcome.stdout + outcome.stderr, /Some challenges have failed/)
    t.notMatch(outcome.stdout + outcome.stderr, /Hook '--manual-auth-hook'/, 'the auth hook has nothing to say')
    t.match(
      outcome.stdout + outcome.stderr,
      /certbot-nfq: no request for wrong\.example\.com reached port 81 of this machine: /,
      'the cleanup hook has',
    )
    t.same(await certbot.lineages(), [], 'there is no certificate')
    t.ok((await scene.challengesAtWebServer()).length > 0, 'port 80 was left to the web server')
    t.same(await scene.leftovers(), [])
    const { status, body } = await request(lab.validator, { address: lab.server.addresses.ipv4 })
    t.same({ status, body }, { status: 200, body: webServer.body })
  },
)
