import { chmodSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { request } from '../../src/control/client.js'
import { MAX_MESSAGE } from '../../src/control/message.js'
import { asNobody } from '../as-nobody.js'
import { temporaryDirectory } from '../temporary-directory.js'
import { scriptedResponder } from './scripted-responder.js'
import { leaveStaleSocket } from './stale-socket.js'

const arm = {
  op: 'arm',
  token: 'token',
  keyAuthorization: 'token.print',
  identifier: 'a.example',
  port: 80,
  ttl: 3600,
} as const

t.test('the request goes out as one line, and the response comes back', async (t) => {
  const path = join(temporaryDirectory(t), 'control')
  const { lines } = await scriptedResponder(t, path, () => '{"version":1,"ok":true}\n')
  t.match(await request(path, arm), { ok: true })
  t.strictSame(
    lines.map((line) => JSON.parse(line) as unknown),
    [{ version: 1, ...arm }],
  )
})

t.test('nobody there: no directory, no socket, one that nobody listens at, a file', async (t) => {
  const directory = temporaryDirectory(t)
  const stale = join(directory, 'stale')
  await leaveStaleSocket(stale)
  const file = join(directory, 'file')
  writeFileSync(file, '')
  for (const path of [join(directory, 'absent', 'control'), join(directory, 'control'), stale, file]) {
    t.equal(await request(path, { op: 'status' }), 'absent', path.slice(directory.length))
  }
})

t.test('a run directory that cannot be one is said to be that, not a lost responder', async (t) => {
  const file = join(temporaryDirectory(t), 'file')
  writeFileSync(file, '')
  await t.rejects(request(join(file, 'control'), { op: 'status' }), { code: 'run-directory' })
})

t.test('a refusal is thrown, and a responder about to end says so', async (t) => {
  const path = join(temporaryDirectory(t), 'control')
  const answers = [
    '{"version":1,"ok":false,"code":"too-many-challenges","message":"cause"}\n',
    '{"version":1,"ok":false,"code":"stopping","message":"soon"}\n',
  ]
  await scriptedResponder(t, path, (_line, _socket, place) => answers[place])
  await t.rejects(request(path, arm), { name: 'Failure', code: 'too-many-challenges', message: 'cause' })
  t.equal(await request(path, arm), 'stopping')
})

t.test('a response in pieces is put together, also inside a character', async (t) => {
  const path = join(temporaryDirectory(t), 'control')
  const bytes = Buffer.from('{"version":1,"ok":false,"code":"internal","message":"grüße"}\n')
  const inside = bytes.indexOf(0xbc)
  await scriptedResponder(t, path, (_line, socket) => {
    // Turns enough for the client to have read the first piece.
    socket.write(bytes.subarray(0, inside), () => afterTurns(50, () => socket.end(bytes.subarray(inside))))
    return undefined
  })
  await t.rejects(request(path, { op: 'status' }), { code: 'internal', message: 'grüße' })
})

t.test('a responder that ends without a whole line is lost', async (t) => {
  for (const answer of ['', '{"version":1,"ok":true}']) {
    const path = join(temporaryDirectory(t), 'control')
    await scriptedResponder(t, path, () => answer)
    await t.rejects(request(path, { op: 'status' }), {
      code: 'responder-lost',
      message: 'the responder ended without an answer',
    })
  }
})

t.test('a responder that dies at the request is lost', async (t) => {
  const path = join(temporaryDirectory(t), 'control')
  await scriptedResponder(t, path, (_line, socket) => {
    socket.destroy()
    return undefined
  })
  await t.rejects(request(path, { op: 'status' }), { code: 'responder-lost' })
})

t.test('an answer without end is cut off', async (t) => {
  const path = join(temporaryDirectory(t), 'control')
  await scriptedResponder(t, path, (_line, socket) => {
    const pour = (): void => {
      while (socket.writable && socket.write('x'.repeat(MAX_MESSAGE)));
    }
    socket.on('drain', pour)
    pour()
    return undefined
  })
  await t.rejects(request(path, { op: 'status' }), {
    code: 'responder-lost',
    message: 'the responder answers without end',
  })
})

t.test('a status may be longer than any other answer', async (t) => {
  const path = join(temporaryDirectory(t), 'control')
  await scriptedResponder(t, path, () => `{"version":1,"ok":true,"more":"${'x'.repeat(MAX_MESSAGE)}"}\n`)
  await t.rejects(
    request(path, { op: 'status' }),
    { code: 'control-malformed' },
    'read to its end, which has no status',
  )
  await t.rejects(request(path, arm), { message: 'the responder answers without end' })
})

t.test('a client that does not want to wait any more does not', async (t) => {
  const path = join(temporaryDirectory(t), 'control')
  const leaving = new AbortController()
  await scriptedResponder(t, path, () => {
    leaving.abort()
    return undefined
  })
  await t.rejects(request(path, arm, leaving.signal), {
    code: 'responder-lost',
    message: 'the responder is not waited for any more',
  })
})

t.test('a responder that does not answer is waited for only so long', async (t) => {
  const path = join(temporaryDirectory(t), 'control')
  await scriptedResponder(t, path, () => undefined)
  await t.rejects(request(path, arm, undefined, 1), {
    code: 'responder-lost',
    message: 'the responder does not answer on its control socket',
  })
})

t.test('who has no right to the socket is told so', async (t) => {
  const directory = temporaryDirectory(t)
  await scriptedResponder(t, join(directory, 'control'), () => undefined)
  chmodSync(directory, 0)
  const asked = asNobody(() => request(join(directory, 'control'), arm))
  await t.rejects(asked, { code: 'not-root', message: `no right to the control socket ${directory}/control` })
  chmodSync(directory, 0o700)
})

t.test('any other fault of the socket is said as the system says it', async (t) => {
  const path = join(temporaryDirectory(t), 'control')
  symlinkSync('control', path)
  await t.rejects(request(path, arm), {
    code: 'responder-lost',
    message: `control socket ${path}: connect ELOOP ${path}`,
  })
})

t.test('an answer that is none is malformed', async (t) => {
  const path = join(temporaryDirectory(t), 'control')
  await scriptedResponder(t, path, () => 'HTTP/1.1 400 Bad Request\n')
  await t.rejects(request(path, { op: 'status' }), { code: 'control-malformed' })
})

t.test('a stop returns only when the responder has closed the connection', async (t) => {
  const path = join(temporaryDirectory(t), 'control')
  let isClosed = false
  await scriptedResponder(t, path, (_line, socket) => {
    socket.write('{"version":1,"ok":true,"stopped":true}\n', () => {
      // Long enough for a client that does not wait to have answered.
      afterTurns(50, () => {
        isClosed = true
        socket.end()
      })
    })
    return undefined
  })
  t.match(await request(path, { op: 'stop' }), { stopped: true })
  t.equal(isClosed, true)
})

function afterTurns(turns: number, then: () => void): void {
  if (turns === 0) then()
  else setImmediate(afterTurns, turns - 1, then)
}
