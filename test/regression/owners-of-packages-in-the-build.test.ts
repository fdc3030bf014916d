// With npm 9, and a Node whose libuv copies owners, what the build copied belonged to whoever had packed it: on Debian
// 13 to user 501.
import { chownSync, cpSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { VENDORED } from '../../src/build/lock.js'
import { inRepository } from '../../src/lab/repository.js'
import { run } from '../../src/lab/run.js'
import { requiresKernel } from '../requires-kernel.js'
import { temporaryDirectory } from '../temporary-directory.js'

t.test('what is copied into the build belongs to whom the build belongs to', await requiresKernel(), async (t) => {
  const clone = temporaryDirectory(t)
  for (const file of ['vendor.js', 'lock.js']) cpSync(inRepository(`dist/build/${file}`), `${clone}/dist/build/${file}`)
  cpSync(inRepository('src/build/redis-client.licence'), `${clone}/src/build/redis-client.licence`)
  writeFileSync(`${clone}/package.json`, '{ "type": "module" }')
  mkdirSync(`${clone}/node_modules`)
  symlinkSync(inRepository('node_modules/esbuild'), `${clone}/node_modules/esbuild`)
  writeFileSync(
    `${clone}/package-lock.json`,
    JSON.stringify({ packages: Object.fromEntries(VENDORED.map((name) => [`node_modules/${name}`, {}])) }),
  )
  for (const name of VENDORED) {
    const directory = `${clone}/node_modules/${name}`
    mkdirSync(`${directory}/lib`, { recursive: true })
    writeFileSync(`${directory}/lib/index.js`, '')
    writeFileSync(`${directory}/package.json`, '{ "main": "lib/index.js" }')
    for (const path of ['/lib/index.js', '/lib', '/package.json', '']) chownSync(directory + path, 501, 20)
  }
  await run([process.execPath, `${clone}/dist/build/vendor.js`])
  const copies = readdirSync(`${clone}/dist/node_modules`, { recursive: true, encoding: 'utf8' })
  for (const name of VENDORED) t.ok(copies.includes(`${name}/lib/index.js`), name)
  for (const copy of copies) {
    const { uid, gid } = lstatSync(`${clone}/dist/node_modules/${copy}`)
    t.strictSame([uid, gid], [process.getuid?.(), process.getgid?.()], copy)
  }
})
