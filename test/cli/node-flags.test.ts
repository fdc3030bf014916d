import { execa } from 'execa'
import t from 'tap'
import { nodeFlags } from '../../src/cli/node-flags.js'

t.test('Node’s own switch against its debugger is given where it has one', (t) => {
  for (const version of ['v20.19.2', 'v22.13.1', 'v23.6.1'])
    t.notOk(nodeFlags(version).includes('--disable-sigusr1'), version)
  for (const version of ['v22.14.0', 'v22.20.0', 'v23.7.0', 'v24.0.0', 'v26.1.0', 'v100.0.0'])
    t.ok(nodeFlags(version).includes('--disable-sigusr1'), version)
  t.end()
})

t.test('this Node knows them, and opens no debugger on a signal that comes before there is a handler', async (t) => {
  const child = execa(
    process.execPath,
    [...nodeFlags(process.version), '--eval', 'setInterval(() => undefined, 60_000); console.log("ready")'],
    { reject: false, extendEnv: false },
  )
  t.teardown(() => child.kill('SIGKILL'))
  await new Promise((resolve) => child.stdout.once('data', resolve))
  child.kill('SIGUSR1')
  if (nodeFlags(process.version).includes('--disable-sigusr1'))
    return t.equal((await child).signal, 'SIGUSR1', 'it is a signal like any other')
  const said = await new Promise((resolve) => child.stderr.once('data', (text) => resolve(String(text))))
  return t.match(said, /^Starting inspector on 240\.0\.0\.1:1024 failed: /)
})
