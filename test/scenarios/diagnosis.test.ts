import t from 'tap'
import type { VisitState } from '../../src/control/challenge-status.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { RST } from '../../src/wire/tcp.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs, type ArmedLab } from './armed-lab.js'
import { challengeFor } from './challenge.js'
import { openRawHost } from './raw-client.js'
import { connectTcp, exchange } from './tcp-client.js'

const challenge = challengeFor('asked for')
const other = challengeFor('not asked for')
const silence = { exitCode: 0, stdout: '', stderr: '' }
const unasked =
  /^certbot-nfq: no request for example\.com reached port 80 of this machine: .*\n.* \[lookup-failed, \/.*docs\/errors\.md#[a-z\d-]+\]\n$/

t.test('what a cleanup says of how its challenge went', await requiresKernel(...programs), async (t) => {
  t.test('nothing, when whoever asked has acknowledged the answer', async (t) => {
    const lab = await openArmedLab(t)
    await lab.arm(challenge)
    for (const address of addressesOf(lab))
      t.equal(await exchange(lab.validator, { address }, challenge.request), challenge.reply)
    t.same(await lab.cleanupWithDiagnosis(challenge), silence)
    t.same(await lab.leftovers(), [])
  })

  t.test('with --verbose who asked, on one line', async (t) => {
    const lab = await openArmedLab(t)
    await lab.arm(challenge)
    for (const address of addressesOf(lab)) await exchange(lab.validator, { address }, challenge.request)
    const stderr =
      'certbot-nfq: example.com: 2 requests from 2 addresses (1 IPv4, 1 IPv6); the answer was acknowledged by 192.0.2.2 and 2001:db8::2\n'
    t.same(await lab.cleanupWithDiagnosis(challenge, '--verbose'), { exitCode: 0, stdout: '', stderr })
  })

  t.test('with --verbose also that nothing is known: not armed any more, and without a responder', async (t) => {
    const lab = await openArmedLab(t)
    await lab.arm(other)
    t.match(await lab.cleanupWithDiagnosis(challenge, '--verbose'), {
      exitCode: 0,
      stdout: '',
      stderr: /^certbot-nfq: the responder does not have this challenge.*\n$/,
    })
    t.same(await lab.cleanupWithDiagnosis(challenge), silence)
    await lab.cleanup(other)
    t.match(await lab.cleanupWithDiagnosis(challenge, '--verbose'), {
      exitCode: 0,
      stdout: '',
      stderr: /^certbot-nfq: no responder runs.*\n$/,
    })
    t.same(await lab.cleanupWithDiagnosis(challenge), silence)
  })

  t.test('each speaks of its own challenge only', async (t) => {
    const lab = await openArmedLab(t)
    for (const each of [challenge, other]) await lab.arm(each)
    await exchange(lab.validator, { address: lab.server.addresses.ipv4 }, challenge.request)
    t.match(await lab.cleanupWithDiagnosis(other), { exitCode: 0, stdout: '', stderr: unasked })
    t.same(await lab.cleanupWithDiagnosis(challenge), silence)
  })

  t.test('an answer that is never acknowledged', async (t) => {
    const lab = await openArmedLab(t)
    const host = await openRawHost(t, lab)
    await lab.arm(challenge)
    const client = await host.connect(4, { timestamps: true })
    client.send(ACK_PSH, challenge.request)
    await visitIs(lab, 'answered')
    const armed = await lab.running()
    t.match(armed.challenges[0]?.visits, [
      {
        client: `192.0.2.66:${client.port}`,
        state: 'answered',
        answer: { status: 200, bytes: challenge.keyAuthorization.length },
      },
    ])
    client.send(RST)
    await visitIs(lab, 'abandoned')
    const cause =
      'certbot-nfq: example.com: 1 request from 1 address (IPv4); the answer was not acknowledged by 192.0.2.66\n'
    const { exitCode, stderr } = await lab.cleanupWithDiagnosis(challenge)
    t.equal(exitCode, 0)
    t.ok(stderr.startsWith(cause), stderr)
    t.match(stderr, /\n.* \[not-acknowledged, \/.*docs\/errors\.md#[a-z\d-]+\]\n$/)
  })

  t.test('an answer that is acknowledged only while the last challenge is taken back', async (t) => {
    const lab = await openArmedLab(t)
    const host = await openRawHost(t, lab)
    await lab.arm(challenge)
    const client = await host.connect(4, { timestamps: true })
    client.send(ACK_PSH, challenge.request)
    const { segment } = await client.receive(2)
    const cleanup = lab.cleanupWithDiagnosis(challenge)
    await waitUntil(async () => (await lab.status())?.challenges.length === 0, 'the challenge to be taken back')
    client.acknowledgment = segment.sequence + segment.payload.length + 1
    client.send(ACK_FIN)
    t.same(await cleanup, silence)
  })

  t.test('a request that is never whole', async (t) => {
    const lab = await openArmedLab(t)
    await lab.arm(challenge)
    const client = connectTcp(lab.validator, { address: lab.server.addresses.ipv6 })
    client.write(challenge.request.slice(0, -2))
    await visitIs(lab, 'takenOver')
    await client.reset()
    await visitIs(lab, 'abandoned')
    const { exitCode, stderr } = await lab.cleanupWithDiagnosis(challenge)
    t.equal(exitCode, 0)
    t.match(
      stderr,
      /^certbot-nfq: example\.com: 1 request from 1 address \(IPv6\); the request was not finished by 2001:db8::2\n.* \[not-finished, \/.*docs\/errors\.md#[a-z\d-]+\]\n$/,
    )
  })

  t.test('requests that were for other tokens', async (t) => {
    const lab = await openArmedLab(t)
    await lab.arm(challenge)
    t.match(await exchange(lab.validator, { address: lab.server.addresses.ipv4 }, other.request), /Server: nginx/)
    const { stderr } = await lab.cleanupWithDiagnosis(challenge)
    t.match(stderr, unasked)
    t.match(
      stderr,
      new RegExp(`; 1 request came for other tokens, last from 192\\.0\\.2\\.2:\\d+ for ${other.token}\n`),
    )
  })
})

const ACK_PSH = 0x18
const ACK_FIN = 0x11

function addressesOf({ server }: ArmedLab): string[] {
  return [server.addresses.ipv4, server.addresses.ipv6]
}

/** Waits until the newest visit of the only challenge is there and in this state. */
async function visitIs(lab: ArmedLab, state: VisitState): Promise<void> {
  await waitUntil(
    async () => (await lab.running()).challenges[0]?.visits.at(-1)?.state === state,
    `a visit to be ${state}`,
  )
}
