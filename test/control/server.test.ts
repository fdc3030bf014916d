import { chmodSync, existsSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { mock } from 'node:test'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { request } from '../../src/control/client.js'
import { formatMessage, MAX_MESSAGE, type ControlRequest, type ControlResponse } from '../../src/control/message.js'
import { listen, type ControlHandlers } from '../../src/control/server.js'
import { Failure } from '../../src/failure.js'
import { asNobody } from '../as-nobody.js'
import { seed } from '../seed.js'
import { temporaryDirectory } from '../temporary-directory.js'
import { leaveStaleSocket } from './stale-socket.js'

const ok: ControlResponse = { ok: true }
const armLine = {
  version: 1,
  op: 'arm',
  token: 'token-of-16-chars',
  keyAuthorization: 'token-of-16-chars.print',
  identifier: 'a.example',
  port: 80,
  ttl: 1,
}

t.test('each connection says one line and gets one', async (t) => {
  const { path, requests } = await open(t)
  t.equal(await converse(path, '{"version":1,"op":"disarm","token":"x"}\n'), '{"version":1,"ok":true}\n')
  t.equal(await converse(path, '{"version":1,"op":', '"status"', '}\n'), '{"version":1,"ok":true}\n', 'in pieces')
  t.equal(
    await converse(path, '{"op":"stop"}\n{"version":1,"op":"status"}\n'),
    '{"version":1,"ok":true}\n',
    'a second line is not read',
  )
  t.strictSame(requests, [{ op: 'disarm', token: 'x' }, { op: 'status' }, { op: 'stop' }])
})

t.test('only its owner may use the socket, and the mask of this process is as before', async (t) => {
  const mask = process.umask(0)
  t.teardown(() => process.umask(mask))
  const { path } = await open(t)
  t.equal(statSync(path).mode & 0o7777, 0o600)
  t.equal(process.umask(0), 0)
})

t.test('two clients are served at once', async (t) => {
  const waiting: (() => void)[] = []
  const { path } = await open(t, async () => {
    await new Promise<void>((resolve) => {
      // Each waits for the other: one after the other would wait for ever.
      if (waiting.push(resolve) === 2) for (const go of waiting) go()
    })
    return ok
  })
  t.match(
    await Promise.all([request(path, { op: 'disarm', token: 'x' }), request(path, { op: 'disarm', token: 'x' })]),
    [{ ok: true }, { ok: true }],
  )
})

t.test('what is malformed is refused, and told to whoever listens', async (t) => {
  const { path, requests, refusals } = await open(t)
  t.match(JSON.parse(await converse(path, 'GET / HTTP/1.1\n')), { ok: false, code: 'control-malformed' })
  t.match(JSON.parse(await converse(path, '{"version":2,"op":"status"}\n')), { ok: false, code: 'protocol-version' })
  t.match(refusals, [{ code: 'control-malformed' }, { code: 'protocol-version' }])
  t.strictSame(requests, [])
})

t.test('what the answer throws is a refusal', async (t) => {
  const thrown = [new Failure('firewall-failed', 'cause'), new TypeError('fault')]
  const { path, refusals } = await open(t, async () => Promise.reject(thrown.shift() ?? new Error('no more')))
  await t.rejects(request(path, { op: 'disarm', token: 'x' }), { code: 'firewall-failed', message: 'cause' })
  await t.rejects(request(path, { op: 'disarm', token: 'x' }), { code: 'internal', message: 'unexpected: fault' })
  t.match(refusals, [{ code: 'firewall-failed' }, { code: 'internal' }])
})

t.test('a line without end is refused at the limit', async (t) => {
  const { path, requests } = await open(t)
  t.match(JSON.parse(await converse(path, 'x'.repeat(MAX_MESSAGE + 1))), {
    ok: false,
    code: 'control-malformed',
    message: /64 KiB/,
  })
  t.strictSame(requests, [])
})

t.test('a line that is too long is refused also when its end has come', async (t) => {
  const { path, requests } = await open(t)
  const line = `${JSON.stringify({ ...armLine, padding: 'x'.repeat(MAX_MESSAGE) })}\n`
  t.match(JSON.parse(await converse(path, line)), { ok: false, code: 'control-malformed', message: /64 KiB/ })
  t.strictSame(requests, [])
})

t.test('a client that says nothing is refused after five seconds', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const { path } = await open(t)
  const socket = createConnection(path).setEncoding('utf8')
  t.teardown(() => socket.destroy())
  const answer = new Promise<string>((resolve) => socket.once('data', resolve))
  // The clock starts when the server has accepted, which an answered client that came later proves.
  t.match(await request(path, { op: 'disarm', token: 'x' }), { ok: true })
  mock.timers.tick(5_000)
  t.match(JSON.parse(await answer), { ok: false, code: 'control-malformed', message: /5 s/ })
})

t.test('half a line and a goodbye get no answer', async (t) => {
  const { path, requests, refusals } = await open(t)
  t.equal(await converse(path, '{"version":1,"op":"status"}', 'end'), '')
  t.strictSame([requests, refusals], [[], []])
})

t.test('whatever bytes come, the next client is served', async (t) => {
  const { path, refusals } = await open(t)
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.boolean(), async (bytes, isWhole) => {
      await converse(path, Buffer.concat([bytes, Buffer.from(isWhole ? '\n' : '')]), 'end')
      const response = await request(path, { op: 'disarm', token: 'x' })
      return typeof response === 'object' && response.ok
    }),
    { numRuns: 50, seed },
  )
  t.ok(refusals.length > 0, `${refusals.length} refusals`)
})

t.test('a client that has gone before its answer harms nobody', async (t) => {
  let arrive: () => void = () => undefined
  let answerNow: () => void = () => undefined
  const arrived = new Promise<void>((resolve) => (arrive = resolve))
  const mayAnswer = new Promise<void>((resolve) => (answerNow = resolve))
  const { path } = await open(t, async ({ op }) => {
    if (op === 'disarm') {
      arrive()
      await mayAnswer
    }
    return ok
  })
  const socket = createConnection(path)
  socket.write('{"version":1,"op":"disarm","token":"x"}\n')
  await arrived
  await new Promise((resolve) => socket.once('close', resolve).destroy())
  answerNow()
  t.match(await request(path, { op: 'disarm', token: 'x' }), { ok: true })
})

t.test('after a stopped the connection stays open: the end of the process closes it', async (t) => {
  const { path } = await open(t, async ({ op }) => (op === 'stop' ? { ok: true, stopped: true } : ok))
  const socket = createConnection(path).setEncoding('utf8')
  t.teardown(() => socket.destroy())
  let isEnded = false
  socket.on('end', () => (isEnded = true))
  socket.write('{"op":"stop"}\n')
  t.match(JSON.parse(await new Promise<string>((resolve) => socket.once('data', resolve))), { ok: true, stopped: true })
  await request(path, { op: 'disarm', token: 'x' })
  t.equal(isEnded, false)
})

t.test('what a killed predecessor left is replaced', async (t) => {
  const directory = temporaryDirectory(t)
  const stale = join(directory, 'stale')
  await leaveStaleSocket(stale)
  const file = join(directory, 'file')
  writeFileSync(file, '')
  for (const path of [stale, file]) {
    const server = await listen(path, silent)
    t.teardown(() => server.close())
    t.match(await request(path, { op: 'disarm', token: 'x' }), { ok: true })
  }
})

t.test('closed, the socket is gone; closing again, or after somebody removed it, is no error', async (t) => {
  const { path, close } = await open(t)
  close()
  t.notOk(existsSync(path))
  t.equal(await request(path, { op: 'disarm', token: 'x' }), 'absent')
  t.doesNotThrow(close)
})

t.test('a socket that cannot be made is a failure of the run directory', async (t) => {
  const path = join(temporaryDirectory(t), 'absent', 'control')
  await t.rejects(listen(path, silent), { code: 'run-directory', message: /cannot listen at .*absent/ })
})

t.test('who may not speak is told so before saying anything, and gets nothing done', async (t) => {
  const { path, requests, refusals } = await open(
    t,
    async () => ok,
    () => false,
  )
  t.match(JSON.parse(await converse(path)), { ok: false, code: 'not-root' })
  t.match(JSON.parse(await converse(path, formatMessage({ op: 'stop' }))), { ok: false, code: 'not-root' })
  t.same(requests, [])
  t.equal(refusals.length, 2)
})

t.test('who may speak is decided by the descriptor of the connection itself', async (t) => {
  const kinds: string[] = []
  const { path } = await open(
    t,
    async () => ok,
    (fd) => kinds.push(readlinkSync(`/proc/self/fd/${fd}`).replace(/\d+/, 'N')) > 0,
  )
  t.match(await request(path, { op: 'disarm', token: 'x' }), { ok: true })
  t.strictSame(kinds, ['socket:[N]'])
})

t.test('a character that comes in two pieces is one', async (t) => {
  const { path, requests } = await open(t)
  const line = Buffer.from('{"version":1,"op":"disarm","token":"ü"}\n')
  const cut = line.indexOf(0xbc)
  const socket = createConnection(path)
  t.teardown(() => socket.destroy())
  socket.write(line.subarray(0, cut))
  // An answered client that came later proves that the server has read the first piece.
  await request(path, { op: 'disarm', token: 'x' })
  const answered = new Promise((resolve) => socket.once('data', resolve))
  socket.write(line.subarray(cut))
  await answered
  t.strictSame(
    requests,
    ['x', 'ü'].map((token) => ({ op: 'disarm', token })),
  )
})

t.test('once root is given up, a socket that may not be removed is left', async (t) => {
  const { path, close } = await open(t)
  chmodSync(dirname(path), 0)
  await asNobody(() => t.doesNotThrow(close))
  chmodSync(dirname(path), 0o700)
  t.ok(existsSync(path))
})

const silent: ControlHandlers = { answer: async () => ok, onRefusal: () => undefined, isAllowed: () => true }

async function open(
  t: Test,
  answer: (request: ControlRequest) => Promise<ControlResponse> = async () => ok,
  isAllowed: ControlHandlers['isAllowed'] = () => true,
) {
  const path = join(temporaryDirectory(t), 'control')
  const requests: ControlRequest[] = []
  const refusals: Failure[] = []
  const server = await listen(path, {
    answer: (request) => {
      requests.push(request)
      return answer(request)
    },
    onRefusal: (reason) => refusals.push(reason),
    isAllowed,
  })
  t.teardown(() => server.close())
  return { path, requests, refusals, close: () => server.close() }
}

/**
 * Says the pieces one after another, the last one `end` for a goodbye; gives all that comes back until the other side
 * closes.
 */
async function converse(path: string, ...pieces: (string | Uint8Array)[]): Promise<string> {
  const socket = createConnection(path).setEncoding('utf8')
  let received = ''
  socket.on('data', (text: string) => (received += text))
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()).on('error', () => undefined))
  for (const piece of pieces) {
    if (piece === 'end') socket.end()
    else await new Promise((resolve) => socket.write(piece, resolve))
  }
  await closed
  return received
}
