import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
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
  if (nodeFlags(process.version).includes('--disable-sigusr1')) {
    // Node 24 blocks the signal, others let it end the process.
    t.equal(caughtSignals(child.pid) & SIGUSR1, 0n, 'nothing in Node waits for it')
    child.kill('SIGUSR1')
    child.kill('SIGTERM')
    return t.match(await child, { signal: /^SIG(USR1|TERM)$/, stderr: '' })
  }
  child.kill('SIGUSR1')
  const said = await new Promise((resolve) => child.stderr.once('data', (text) => resolve(String(text))))
  return t.match(said, /^Starting inspector on 240\.0\.0\.1:1024 failed: /)
})

const SIGUSR1 = 1n << BigInt(constants.signals.SIGUSR1 - 1)

/** The mask of the signals that a process has handlers for. */
function caughtSignals(pid: number | undefined): bigint {
  return BigInt(`0x${/^SigCgt:\s*(\w+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]}`)
}
