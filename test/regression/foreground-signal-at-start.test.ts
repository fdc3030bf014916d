import { join } from 'node:path'
import t from 'tap'
import { makeClone } from '../cli/keeper-clone.js'

// A signal between the start of the keeper and the return of spawn() ended `serve` at once, and left the responder
// running for ever.
t.test('a signal that comes while the keeper is being started ends both', async (t) => {
  const clone = await makeClone(
    t,
    `trap 'echo told; exit 5' TERM; kill -TERM $PPID; : >"\${0%/hooks/keep}/sent"; while :; do sleep 0.02; done`,
  )
  const command = clone.run(`
    import childProcess from 'node:child_process'
    import { existsSync } from 'node:fs'
    import { syncBuiltinESMExports } from 'node:module'
    const { spawn } = childProcess
    childProcess.spawn = (...given) => {
      const keeper = spawn(...given)
      while (!existsSync(${JSON.stringify(join(clone.path, 'sent'))})) continue
      return keeper
    }
    syncBuiltinESMExports()
    process.exit(await launch.launchInForeground(options))
  `)
  t.teardown(() => command.stop('SIGKILL'))
  t.match(await command.exited, { exitCode: 5 })
  t.match(command.output(), /told/)
})
