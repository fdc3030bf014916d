import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeSecret, readPassword, readSecret } from '../../src/store/secret-file.js'
import { temporaryDirectory } from '../temporary-directory.js'

t.test('a secret is made once, for its owner alone', (t) => {
  const path = join(temporaryDirectory(t), 'secret')
  makeSecret(path)
  t.equal(statSync(path).mode & 0o777, 0o600)
  const before = readFileSync(path, 'utf8')
  t.equal(readSecret(path).length, 32)
  t.throws(() => makeSecret(path), { code: 'store-secret', message: /there already/ })
  t.equal(readFileSync(path, 'utf8'), before)
  t.end()
})

t.test('what others may read, or is no secret, is refused', (t) => {
  const directory = temporaryDirectory(t)
  const path = join(directory, 'secret')
  makeSecret(path)
  for (const mode of [0o640, 0o604, 0o620]) {
    chmodSync(path, mode)
    t.throws(() => readSecret(path), { code: 'store-secret', message: /^others may read or write / })
  }
  writeFileSync(path, 'password\n')
  chmodSync(path, 0o600)
  t.throws(() => readSecret(path), { code: 'store-secret', message: /is not a secret/ })
  t.equal(readPassword(path), 'password')
  writeFileSync(path, '\n')
  t.throws(() => readPassword(path), { code: 'store-secret', message: /is empty/ })
  t.throws(() => readSecret(join(directory, 'none')), { code: 'store-secret', message: /ENOENT/ })
  mkdirSync(join(directory, 'folder'), { mode: 0o700 })
  symlinkSync('/dev/zero', join(directory, 'device'))
  for (const name of ['folder', 'device']) t.throws(() => readSecret(join(directory, name)), { code: 'store-secret' })
  t.end()
})
