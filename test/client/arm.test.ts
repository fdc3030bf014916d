import { join } from 'node:path'
import t from 'tap'
import { Failure } from '../../src/failure.js'
import { arm } from '../../src/client/arm.js'
import { scriptedResponder } from '../control/scripted-responder.js'
import { temporaryDirectory } from '../temporary-directory.js'

const challenge = {
  token: 'token-of-16-chars',
  keyAuthorization: 'token-of-16-chars.print',
  identifier: 'a.example',
}
const armed = '{"version":1,"ok":true}\n'
const stopping = '{"version":1,"ok":false,"code":"stopping","message":"soon"}\n'

t.test('where a responder runs, the challenge is handed to it, and nothing is started', async (t) => {
  const socket = join(temporaryDirectory(t), 'control')
  const { lines } = await scriptedResponder(t, socket, () => armed)
  await arm(challenge, { port: 8080, ttl: 60, socket }, mustNotLaunch)
  t.strictSame(
    lines.map((line) => JSON.parse(line) as unknown),
    [
      {
        version: 1,
        op: 'arm',
        ...challenge,
        port: 8080,
        ttl: 60,
      },
    ],
  )
})

t.test(
  'a self-check is asked for when wanted; what it is to ask for comes back, and nothing from a responder that knows none',
  async (t) => {
    const directory = temporaryDirectory(t)
    const token = `${'x'.repeat(22)}-self-check`
    const check = { token, keyAuthorization: `${token}.${'y'.repeat(43)}`, ports: [80], families: [4, 6] }
    const { lines } = await scriptedResponder(
      t,
      join(directory, 'new'),
      () => `${JSON.stringify({ version: 1, ok: true, check })}\n`,
    )
    t.strictSame(
      await arm(challenge, { port: 80, ttl: 60, socket: join(directory, 'new'), selfCheck: true }, mustNotLaunch),
      check,
    )
    t.match(JSON.parse(lines[0] ?? ''), { selfCheck: true })
    await scriptedResponder(t, join(directory, 'old'), () => armed)
    t.equal(
      await arm(challenge, { port: 80, ttl: 60, socket: join(directory, 'old'), selfCheck: true }, mustNotLaunch),
      undefined,
    )
  },
)

t.test('where none runs, one is started once, and asked again', async (t) => {
  const socket = join(temporaryDirectory(t), 'control')
  let launched = 0
  const lines: string[] = []
  await arm(challenge, { port: 80, ttl: 60, socket }, async () => {
    launched++
    await scriptedResponder(t, socket, (line) => {
      lines.push(line)
      return armed
    })
  })
  t.equal(launched, 1)
  t.equal(lines.length, 1)
})

t.test('one that is started by another hook, and listens only later, is waited for', async (t) => {
  const socket = join(temporaryDirectory(t), 'control')
  let launched = 0
  await arm(challenge, { port: 80, ttl: 60, socket }, async () => {
    launched++
    if (launched === 3) await scriptedResponder(t, socket, () => armed)
  })
  t.equal(launched, 3)
})

t.test('one that is about to end is waited for, and the next is started when it has gone', async (t) => {
  const socket = join(temporaryDirectory(t), 'control')
  const launches: number[] = []
  const old = await scriptedResponder(t, socket, (_line, _socket, place) => {
    if (place === 2) void old.close()
    return stopping
  })
  await arm(challenge, { port: 80, ttl: 60, socket }, async () => {
    launches.push(old.lines.length)
    await scriptedResponder(t, socket, () => armed)
  })
  t.strictSame(launches, [3], 'only after the third try, when the old one no longer listened')
})

t.test('one that ends without an answer is asked once more, or the next is started', async (t) => {
  const socket = join(temporaryDirectory(t), 'control')
  const killed = await scriptedResponder(t, socket, (_line, _socket, place) => {
    if (place === 1) void killed.close()
    return ''
  })
  let launched = 0
  await arm(challenge, { port: 80, ttl: 60, socket }, async () => {
    launched++
    await scriptedResponder(t, socket, () => armed)
  })
  t.strictSame([killed.lines.length, launched], [2, 1])
})

t.test('those that never give an answer are a failure at the third time', async (t) => {
  const socket = join(temporaryDirectory(t), 'control')
  const { lines } = await scriptedResponder(t, socket, () => '')
  await t.rejects(arm(challenge, { port: 80, ttl: 60, socket }, mustNotLaunch), { code: 'responder-lost' })
  t.equal(lines.length, 3)
})

t.test('a refusal is thrown, and nothing is tried again', async (t) => {
  const socket = join(temporaryDirectory(t), 'control')
  const { lines } = await scriptedResponder(
    t,
    socket,
    () => '{"version":1,"ok":false,"code":"firewall-unavailable","message":"cause"}\n',
  )
  await t.rejects(arm(challenge, { port: 80, ttl: 60, socket }, mustNotLaunch), {
    code: 'firewall-unavailable',
    message: 'cause',
  })
  t.equal(lines.length, 1)
})

t.test('what the start of a responder met is thrown, and it is not started again', async (t) => {
  const socket = join(temporaryDirectory(t), 'control')
  let launched = 0
  const launch = async (): Promise<void> => {
    launched++
    throw new Failure('queue-unavailable', 'cause')
  }
  await t.rejects(arm(challenge, { port: 80, ttl: 60, socket }, launch), {
    code: 'queue-unavailable',
    message: 'cause',
  })
  t.equal(launched, 1)
})

t.test('after 30 seconds of neither starting nor ending it gives up', async (t) => {
  const socket = join(temporaryDirectory(t), 'control')
  let now = 0
  // A clock that goes on by itself, and by 15 s at each launch.
  t.intercept(performance, 'now', { value: () => (now += 50), configurable: true })
  let launched = 0
  const launch = async (): Promise<void> => {
    launched++
    now += 15_000
  }
  await t.rejects(arm(challenge, { port: 80, ttl: 60, socket }, launch), {
    code: 'responder-not-started',
    message: /30 s/,
  })
  t.equal(launched, 2)
})

async function mustNotLaunch(): Promise<never> {
  throw new Error('a responder was started')
}
