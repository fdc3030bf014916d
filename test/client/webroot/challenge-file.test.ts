import { execFileSync } from 'node:child_process'
import {
  linkSync,
  mkdirSync,
  openSync,
  closeSync,
  readdirSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { judgeContent, readChallengeFile } from '../../../src/client/webroot/challenge-file.js'
import { challengeFor } from '../../scenarios/challenge.js'
import { holds } from '../../holds.js'
import { temporaryDirectory } from '../../temporary-directory.js'

const { token, keyAuthorization } = challengeFor('a file')

function directoryOf(t: Test): { path: string; read: (name: string) => ReturnType<typeof readChallengeFile> } {
  const path = temporaryDirectory(t)
  const fd = openSync(path, 'r')
  t.teardown(() => closeSync(fd))
  return { path, read: (name) => readChallengeFile(fd, name) }
}

t.test('a text is a key authorization, the start of one, or none', (t) => {
  for (const end of ['', '\n', '\r\n', ' \t\n'])
    t.strictSame(judgeContent(token, `${keyAuthorization}${end}`), { keyAuthorization }, JSON.stringify(end))
  for (let length = 0; length < keyAuthorization.length; length++)
    t.equal(judgeContent(token, keyAuthorization.slice(0, length)), 'unfinished', `${length} characters`)
  const none = [
    `${keyAuthorization}x`,
    ` ${keyAuthorization}`,
    `${keyAuthorization}\0`,
    `${keyAuthorization}\n${keyAuthorization}`,
    keyAuthorization.replace('.', ','),
    `${challengeFor('another').token}.${keyAuthorization.split('.')[1] ?? ''}`,
    `${keyAuthorization.slice(0, -1)}=`,
    'root:x:0:0',
    '\n',
  ]
  for (const text of none) t.equal(judgeContent(token, text), 'none', JSON.stringify(text))
  t.end()
})

t.test('whatever a text is, what is taken from it is a key authorization of that token', (t) => {
  const text = fc.oneof(
    fc.string(),
    fc.string().map((end) => `${token}.${end}`),
    fc.string().map((end) => `${keyAuthorization}${end}`),
  )
  holds(
    t,
    'only a key authorization is taken',
    fc.property(text, (text) => {
      const judgement = judgeContent(token, text)
      return (
        typeof judgement === 'string' ||
        (/^[\w-]+\.[\w-]{43}$/.test(judgement.keyAuthorization) &&
          text.startsWith(judgement.keyAuthorization) &&
          judgement.keyAuthorization.startsWith(`${token}.`))
      )
    }),
  )
  t.end()
})

t.test('a file is read as it is', (t) => {
  const { path, read } = directoryOf(t)
  t.strictSame(read(token), { state: 'gone' })
  writeFileSync(join(path, token), '')
  t.strictSame(read(token), { state: 'unfinished' })
  writeFileSync(join(path, token), keyAuthorization)
  const first = read(token)
  t.match(first, { state: 'complete', keyAuthorization })
  t.strictSame(read(token), first, 'its version stays')
  writeFileSync(join(path, token), `${keyAuthorization}\n`)
  t.match(read(token), { state: 'complete', keyAuthorization })
  t.notSame(read(token), first, 'and changes when it is written again')
  t.end()
})

t.test('nothing but an ordinary file of the right size is opened', (t) => {
  const { path, read } = directoryOf(t)
  const secret = join(path, 'secret')
  writeFileSync(secret, `${'s'.repeat(40)}\n`)
  const kinds = {
    link: () => symlinkSync('secret', join(path, token)),
    kind: () => execFileSync('mkfifo', [join(path, token)]),
    size: () => {
      writeFileSync(join(path, token), '')
      truncateSync(join(path, token), 2 ** 40)
    },
    content: () => linkSync(secret, join(path, token)),
  }
  for (const [reason, make] of Object.entries(kinds)) {
    make()
    t.strictSame(read(token), { state: 'refused', reason })
    execFileSync('rm', [join(path, token)])
  }
  mkdirSync(join(path, token))
  t.strictSame(read(token), { state: 'refused', reason: 'kind' }, 'a directory')
  const descriptors = readdirSync('/proc/self/fd').length
  for (const name of ['', '.', '..', '../secret', 'secret', `${token}/x`, 'x'.repeat(129), `${token}.tmp`])
    t.strictSame(read(name), { state: 'refused', reason: 'name' }, name)
  t.equal(readdirSync('/proc/self/fd').length, descriptors, 'no descriptor stays open')
  t.end()
})
