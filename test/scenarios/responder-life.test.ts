import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { snapshotRules } from '../../src/lab/rules.js'
import { startWebServer } from '../../src/lab/web-server.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs } from './armed-lab.js'
import { challengeFor } from './challenge.js'
import { exchange } from './tcp-client.js'

const challenge = challengeFor('life')
const silence = { exitCode: 0, stdout: '', stderr: '' }

t.test('the responder lives as long as challenges are armed', await requiresKernel(...programs), async (t) => {
  t.test(
    'ten cold auth hooks at once end with one responder and ten armed challenges; ten cleanups end it',
    async (t) => {
      const lab = await openArmedLab(t)
      const challenges = Array.from({ length: 10 }, (_, at) => challengeFor(`ten ${at}`))

      t.same(
        await Promise.all(challenges.map((each) => lab.auth(each))),
        challenges.map(() => silence),
      )

      const { challenges: armed } = await lab.running()
      t.same(armed.map(({ token }) => token).sort(), challenges.map(({ token }) => token).sort())
      t.equal(
        (await lab.server.processes()).filter(({ command }) => command.includes('responder.cjs background')).length,
        3,
        'one responder, what keeps it, and what watches over it',
      )
      const address = lab.server.addresses.ipv4
      const answers = await Promise.all(challenges.map(({ request }) => exchange(lab.validator, { address }, request)))
      t.same(
        answers,
        challenges.map(({ reply }) => reply),
      )
      t.same(
        await Promise.all(challenges.map((each) => lab.cleanup(each))),
        challenges.map(() => silence),
      )
      t.equal(await lab.status(), undefined)
      t.same(await lab.leftovers(), [])
    },
  )

  t.test('when a cleanup hook returns, rules and run directory are gone already', async (t) => {
    const lab = await openArmedLab(t)
    const before = await snapshotRules(lab.server)
    await lab.arm(challenge)
    t.not(await snapshotRules(lab.server), before)
    t.ok(existsSync(lab.runDirectory))
    t.same(await lab.cleanup(challenge), silence)
    t.equal(await snapshotRules(lab.server), before)
    t.notOk(existsSync(lab.runDirectory))
    t.same(await lab.cleanup(challenge), silence, 'a second cleanup has nothing to do and nothing to say')
    t.same(await lab.leftovers(), [])
  })

  t.test('several ports in one responder, each with rules as long as it is wanted', async (t) => {
    const lab = await openArmedLab(t)
    const other = challengeFor('port 8080')
    const second = await startWebServer(lab, { port: 8080, body: 'second\n' })
    const address = lab.server.addresses.ipv6
    await lab.arm(challenge, '--port', '80')
    const onePort = await snapshotRules(lab.server)
    await lab.arm(other, '--port', '8080')
    t.same((await lab.running()).ports, [80, 8080])
    t.equal(await exchange(lab.validator, { address, port: 80 }, challenge.request), challenge.reply)
    t.equal(await exchange(lab.validator, { address, port: 8080 }, other.request), other.reply)
    t.match(await snapshotRules(lab.server), /--dport 8080/)
    t.same(await lab.cleanup(other), silence)
    t.equal(await snapshotRules(lab.server), onePort, 'only the rules of the port that nobody wants any more are gone')
    t.ok((await exchange(lab.validator, { address, port: 8080 }, other.request)).endsWith(second.body))
    t.equal(await exchange(lab.validator, { address, port: 80 }, challenge.request), challenge.reply)
    t.same(await lab.cleanup(challenge), silence)
    await second.service.stop()
    t.same(await lab.leftovers(), [])
  })

  t.test('a challenge that no cleanup comes for ends with its time to live', async (t) => {
    const lab = await openArmedLab(t)
    await lab.arm(challenge, '--ttl', '1')
    t.same(await lab.leftovers(), [])
    t.same(await lab.cleanup(challenge), silence)
  })

  t.test('hooks do not hold certbot’s pipes open', async (t) => {
    const lab = await openArmedLab(t)
    const hook = spawn(
      'nsenter',
      [`--net=/run/netns/${lab.server.name}`, inRepository('hooks/auth'), '--run-dir', lab.runDirectory],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          PATH: process.env['PATH'],
          CERTBOT_DOMAIN: 'example.com',
          CERTBOT_TOKEN: challenge.token,
          CERTBOT_VALIDATION: challenge.keyAuthorization,
        },
      },
    )
    // `close` comes when the process has ended and every copy of its pipes is closed; `exit` would come without the
    // latter.
    t.same(await once(hook, 'close'), [0, null])
    t.ok(await lab.status(), 'while the responder lives on')
    t.same(await lab.cleanup(challenge), silence)
    t.same(await lab.leftovers(), [])
  })

  t.test('a start that fails says why and what to do in two lines, and leaves nothing', async (t) => {
    const lab = await openArmedLab(t)
    const other = lab.hooksIn('other')
    const missing = challengeFor('missing')
    await lab.arm(challenge, '--queue-num', '777')
    const rules = await snapshotRules(lab.server)

    const { exitCode, stdout, stderr } = await other.auth(missing, '--queue-num', '777')

    t.equal(exitCode, 1)
    t.equal(stdout, '')
    t.match(
      stderr,
      /^certbot-nfq: NFQUEUE number 777 is taken by another program .*\n.+ \[queue-unavailable, \/.+\/docs\/errors\.md#queue-unavailable\]\n$/,
    )
    t.equal(await snapshotRules(lab.server), rules, 'the rules are those of the first responder')
    // Its keeper looks for leftovers, and holds the lock meanwhile.
    await waitUntil(() => !existsSync(other.runDirectory), 'the run directory to go')
    t.equal(
      await exchange(lab.validator, { address: lab.server.addresses.ipv4 }, challenge.request),
      challenge.reply,
      'which is still at work',
    )
    t.same(await lab.cleanup(challenge), silence)
    t.same(await lab.leftovers(), [])
  })
})
