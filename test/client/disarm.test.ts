import { join } from 'node:path'
import t from 'tap'
import { Failure } from '../../src/failure.js'
import { disarm, isWell, type Disarmed } from '../../src/client/disarm.js'
import { scriptedResponder } from '../control/scripted-responder.js'
import { temporaryDirectory } from '../temporary-directory.js'

const challenged = { token: 'token-of-16-chars' }

t.test('the challenge is taken back', async (t) => {
  const socket = join(temporaryDirectory(t), 'control')
  const { lines } = await scriptedResponder(t, socket, () => '{"version":1,"ok":true}\n')
  await disarm(challenged, socket, mustNotSweep)
  t.strictSame(
    lines.map((line) => JSON.parse(line) as unknown),
    [{ version: 1, op: 'disarm', token: 'token-of-16-chars' }],
  )
})

t.test('with the last challenge it returns only when the responder has ended', async (t) => {
  const socket = join(temporaryDirectory(t), 'control')
  let isEnded = false
  const responder = await scriptedResponder(t, socket, (_line, connection) => {
    connection.write('{"version":1,"ok":true,"stopped":true}\n', () => {
      setImmediate(() =>
        setImmediate(() => {
          isEnded = true
          connection.end()
          void responder.close()
        }),
      )
    })
    return undefined
  })
  await disarm(challenged, socket, mustNotSweep)
  t.equal(isEnded, true)
})

t.test('files that nobody removes after the responder are swept', async (t) => {
  const socket = join(temporaryDirectory(t), 'control')
  await scriptedResponder(t, socket, () => '{"version":1,"ok":true,"stopped":true}\n')
  let swept = 0
  await disarm(challenged, socket, async () => {
    swept++
  })
  t.equal(swept, 1)
})

t.test('it returns what the responder tells of the challenge, also as its last word', async (t) => {
  const socket = join(temporaryDirectory(t), 'control')
  const challenge = {
    token: 'token-of-16-chars',
    identifier: 'a.example',
    port: 80,
    armedAt: '2030-01-02T03:04:05.000Z',
    expiresIn: 1,
    visits: [],
  }
  const responder = await scriptedResponder(t, socket, (_line, _socket, place) => {
    if (place === 1) void responder.close()
    return `${JSON.stringify({ version: 1, ok: true, stopped: place === 1, challenge })}\n`
  })
  t.strictSame(await disarm(challenged, socket, mustNotSweep), challenge)
  t.strictSame(await disarm(challenged, socket, mustNotSweep), challenge)
})

t.test('of a challenge that is not told of, by an older responder or one that ends, nothing is known', async (t) => {
  const socket = join(temporaryDirectory(t), 'control')
  const responses = [
    '{"version":1,"ok":true}\n',
    '{"version":0,"ok":true}\n',
    '{"version":1,"ok":false,"code":"stopping","message":"soon"}\n',
  ]
  await scriptedResponder(t, socket, (_line, _socket, place) => responses[place])
  for (const response of responses) t.equal(await disarm(challenged, socket, mustNotSweep), 'unknown', response)
  t.equal(await disarm(challenged, `${socket}.absent`, async () => undefined), 'absent')
})

t.test('all is well when everybody who asked has acknowledged, or nothing is known', (t) => {
  const visit = { at: '2030-01-02T03:04:05.000Z', client: '192.0.2.2:1', state: 'acknowledged' } as const
  const challenge = {
    token: 'token-of-16-chars',
    identifier: 'a.example',
    port: 80,
    armedAt: visit.at,
    expiresIn: 1,
    visits: [visit, visit],
  }
  const good: readonly Disarmed[] = ['absent', 'unknown', challenge]
  for (const disarmed of good) t.ok(isWell(disarmed))
  t.notOk(isWell({ ...challenge, visits: [] }))
  for (const state of ['takenOver', 'answered', 'abandoned'] as const)
    t.notOk(isWell({ ...challenge, visits: [visit, { ...visit, state }] }), state)
  t.end()
})

t.test('where no responder runs, what a killed one left is swept, once', async (t) => {
  let swept = 0
  await disarm(challenged, join(temporaryDirectory(t), 'control'), async () => {
    swept++
  })
  t.equal(swept, 1)
})

t.test('a responder that ends by itself at this moment needs no help', async (t) => {
  const socket = join(temporaryDirectory(t), 'control')
  const { lines } = await scriptedResponder(
    t,
    socket,
    () => '{"version":1,"ok":false,"code":"stopping","message":"soon"}\n',
  )
  await disarm(challenged, socket, mustNotSweep)
  t.equal(lines.length, 1)
})

t.test('a refusal, and what the sweep met, are thrown', async (t) => {
  const socket = join(temporaryDirectory(t), 'control')
  await scriptedResponder(t, socket, () => '{"version":1,"ok":false,"code":"firewall-failed","message":"cause"}\n')
  await t.rejects(disarm(challenged, socket, mustNotSweep), { code: 'firewall-failed', message: 'cause' })
  const sweep = async (): Promise<never> => {
    throw new Failure('firewall-failed', 'of the sweep')
  }
  await t.rejects(disarm(challenged, `${socket}.absent`, sweep), { code: 'firewall-failed', message: 'of the sweep' })
})

async function mustNotSweep(): Promise<never> {
  throw new Error('swept')
}
