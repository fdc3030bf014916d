import { join } from 'node:path'
import t from 'tap'
import { Failure } from '../../src/failure.js'
import { cleanup } from '../../src/hook/cleanup.js'
import { scriptedResponder } from '../control/scripted-responder.js'
import { temporaryDirectory } from '../temporary-directory.js'

const environment = { CERTBOT_TOKEN: 'token-of-16-chars' }

t.test('the challenge is taken back', async (t) => {
  const socket = join(temporaryDirectory(t), 'control')
  const { lines } = await scriptedResponder(t, socket, () => '{"version":1,"ok":true}\n')
  await cleanup(environment, socket, mustNotSweep)
  t.strictSame(lines.map((line) => JSON.parse(line) as unknown), [{ version: 1, op: 'disarm', token: 'token-of-16-chars' }])
})

t.test('with the last challenge it returns only when the responder has ended', async (t) => {
  const socket = join(temporaryDirectory(t), 'control')
  let isEnded = false
  await scriptedResponder(t, socket, (_line, connection) => {
    connection.write('{"version":1,"ok":true,"stopped":true}\n', () => {
      setImmediate(() => setImmediate(() => {
        isEnded = true
        connection.end()
      }))
    })
    return undefined
  })
  await cleanup(environment, socket, mustNotSweep)
  t.equal(isEnded, true)
})

t.test('where no responder runs, what a killed one left is swept, once', async (t) => {
  let swept = 0
  await cleanup(environment, join(temporaryDirectory(t), 'control'), async () => {
    swept++
  })
  t.equal(swept, 1)
})

t.test('a responder that ends by itself at this moment needs no help', async (t) => {
  const socket = join(temporaryDirectory(t), 'control')
  const { lines } = await scriptedResponder(t, socket, () => '{"version":1,"ok":false,"code":"stopping","message":"soon"}\n')
  await cleanup(environment, socket, mustNotSweep)
  t.equal(lines.length, 1)
})

t.test('a refusal, and what the sweep met, are thrown', async (t) => {
  const socket = join(temporaryDirectory(t), 'control')
  await scriptedResponder(t, socket, () => '{"version":1,"ok":false,"code":"firewall-failed","message":"cause"}\n')
  await t.rejects(cleanup(environment, socket, mustNotSweep), { code: 'firewall-failed', message: 'cause' })
  const sweep = async (): Promise<never> => {
    throw new Failure('firewall-failed', 'of the sweep')
  }
  await t.rejects(cleanup(environment, `${socket}.absent`, sweep), { code: 'firewall-failed', message: 'of the sweep' })
})

t.test('without a token nobody is asked, and nothing is swept', async (t) => {
  const socket = join(temporaryDirectory(t), 'control')
  const { lines } = await scriptedResponder(t, socket, () => '{"version":1,"ok":true}\n')
  await t.rejects(cleanup({}, socket, mustNotSweep), { code: 'token-missing' })
  await t.rejects(cleanup({ CERTBOT_TOKEN: 'short' }, `${socket}.absent`, mustNotSweep), { code: 'token-malformed' })
  t.equal(lines.length, 0)
})

async function mustNotSweep(): Promise<never> {
  throw new Error('swept')
}
