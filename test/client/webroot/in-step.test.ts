import t from 'tap'
import { keepInStep } from '../../../src/client/webroot/in-step.js'
import type { ControlRequest } from '../../../src/control/message.js'
import { Failure } from '../../../src/failure.js'
import { fakeClock, turns } from '../../responder/fake-clock.js'

interface Asked {
  readonly request: string
  readonly answer: (failure?: Failure) => void
}

/** A responder that answers when it is told to. */
function stage() {
  const asked: Asked[] = []
  const failures: unknown[] = []
  const clock = fakeClock()
  const keep = keepInStep({
    socket: '/run/control',
    port: 8080,
    ttl: 60,
    clock,
    onFailure: (thrown) => failures.push(thrown),
    ask: (_path, message) =>
      new Promise((resolve, reject) => {
        asked.push({
          request: describe(message),
          answer: (failure) => (failure ? reject(failure) : resolve({ ok: true })),
        })
      }),
  })
  /** The requests since the last call; each is answered. */
  const next = async (failure?: Failure) => {
    await turns()
    const now = asked.splice(0)
    for (const { answer } of now) answer(failure)
    await turns()
    return now.map(({ request }) => request)
  }
  return { keep, next, clock, failures, asked }
}

function describe(message: ControlRequest): string {
  if (message.op === 'arm')
    return `arm ${'keyAuthorization' in message ? message.keyAuthorization : ''} ${message.identifier} ${message.port} ${message.ttl}`
  return message.op === 'disarm' ? `disarm ${message.token}` : message.op
}

t.test('tokens are armed at the same time, and one after the other for the same one', async (t) => {
  const { keep, next } = stage()
  keep('a', 'a.1')
  keep('b', 'b.1')
  keep('a', 'a.2')
  keep('a', undefined)
  keep('a', 'a.3')
  t.strictSame(await next(), ['arm a.3 webroot 8080 60', 'arm b.1 webroot 8080 60'], 'what was overtaken is left out')
  keep('a', 'a.3')
  keep('b', undefined)
  t.strictSame(await next(), ['arm a.3 webroot 8080 60', 'disarm b'], 'the same is armed again, for its time')
  t.strictSame(await next(), [])
})

t.test('what changes while a request is under way follows it', async (t) => {
  const { keep, next, asked } = stage()
  keep('a', 'a.1')
  await turns()
  t.equal(asked.length, 1)
  keep('a', undefined)
  await turns()
  t.equal(asked.length, 1)
  t.strictSame(await next(), ['arm a.1 webroot 8080 60'])
  t.strictSame(await next(), ['disarm a'])
  t.strictSame(await next(), [])
})

t.test('what is refused is asked for again after a while, and only if it is still wanted', async (t) => {
  const { keep, next, clock, failures } = stage()
  keep('a', 'a.1')
  keep('b', 'b.1')
  t.equal((await next(new Failure('firewall-busy', 'a lock'))).length, 2)
  t.equal(failures.length, 2)
  keep('b', 'b.2')
  keep('c', 'c.1')
  t.strictSame(await next(), [], 'not at once')
  await clock.pass(5_000)
  t.strictSame(await next(), ['arm a.1 webroot 8080 60', 'arm b.2 webroot 8080 60', 'arm c.1 webroot 8080 60'].sort())
  t.strictSame(await next(), [])
})

t.test('not all of many are asked for at a time', async (t) => {
  const { keep, next } = stage()
  const names = Array.from({ length: 40 }, (_, number) => `t${number}`)
  for (const name of names) keep(name, `${name}.1`)
  const rounds = [await next(), await next(), await next(), await next()]
  t.strictSame(
    rounds.map(({ length }) => length),
    [16, 16, 8, 0],
  )
  t.equal(new Set(rounds.flat()).size, 40)
})
