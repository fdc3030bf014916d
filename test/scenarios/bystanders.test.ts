import t from 'tap'
import { waitUntil } from '../../src/lab/wait-until.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs } from './armed-lab.js'
import { challengeFor, requestFor } from './challenge.js'
import { trackInvalid } from './stateful-rules.js'
import { connectTcp, exchange } from './tcp-client.js'

const challenges = [1, 2, 3, 4].map((number) => challengeFor(`bystanders ${number}`))

t.test('ordinary clients do not notice that challenges are answered', await requiresKernel(...programs), async (t) => {
  for (const [title, prepare] of [
    ['without connection tracking', undefined],
    ['with connection tracking', trackInvalid],
  ] as const) {
    t.test(`200 ordinary requests on parallel connections, ${title}`, async (t) => {
      const lab = await openArmedLab(t, prepare ? { prepare } : {})
      for (const challenge of challenges) await lab.arm(challenge)
      const addresses = [lab.server.addresses.ipv4, lab.server.addresses.ipv6]
      const ordinary = Array.from({ length: 200 }, (_, at) =>
        connectTcp(lab.validator, { address: addresses[at % 2] ?? '' }),
      )
      const validations = challenges.flatMap(({ request, reply }) =>
        addresses.flatMap((address) =>
          [1, 2, 3, 4, 5].map(async () => ({ answer: await exchange(lab.validator, { address }, request), reply })),
        ),
      )
      ordinary.forEach((client, at) => client.write(requestFor('GET', `/${at}`)))
      const answers = await Promise.all(ordinary.map((client) => client.ended))
      const answered = await Promise.all(validations)

      t.ok(
        answers.every((answer) => answer.startsWith('HTTP/1.1 200 OK') && answer.endsWith(lab.webServer.body)),
        'each was answered by nginx',
      )
      t.ok(
        answered.every(({ answer, reply }) => answer === reply),
        'so was each challenge, by us',
      )
      const lines = (await lab.webServer.requests()).filter((line) => line !== '')
      t.equal(lines.length, 200, 'nginx had those requests')
      t.same(await lab.challengesAtWebServer(), [], 'and no other')
      // The last acknowledgments may still be on their way.
      await waitUntil(
        async () => (await lab.running()).counts['acknowledged'] === answered.length,
        'each validator to acknowledge',
      )
      await Promise.all(ordinary.map((client) => client.close()))
      await Promise.all(challenges.map((challenge) => lab.cleanup(challenge)))
      t.same(await lab.leftovers(), [])
    })
  }

  t.test('a responder that is stopped, or stuck, holds up nobody but validators', async (t) => {
    const lab = await openArmedLab(t)
    const [challenge = challengeFor('')] = challenges
    await lab.arm(challenge)
    const { pid } = await lab.running()
    const address = lab.server.addresses.ipv4
    const bystander = '192.0.2.9'
    await lab.validator.addAddress(bystander)
    process.kill(pid, 'SIGSTOP')
    try {
      const validator = connectTcp(lab.validator, { address })
      validator.write(challenge.request)
      for (let port = 46_000; port < 46_050; port++) {
        const answer = await exchange(
          lab.validator,
          { address, from: { address: bystander, port } },
          requestFor('GET', '/'),
        )
        t.ok(answer.endsWith(lab.webServer.body), `request ${port - 46_000} while it is stopped`)
      }
      t.equal(validator.received(), '', 'the validator waits')
      process.kill(pid, 'SIGCONT')
      t.equal(await validator.ended, challenge.reply, 'and is answered as soon as it runs again')
      await validator.close()
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    t.equal((await lab.cleanup(challenge)).exitCode, 0)
    t.same(await lab.challengesAtWebServer(), [])
    t.same(await lab.leftovers(), [])
  })
})
