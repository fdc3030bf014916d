import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runHook } from '../cli/command.js'
import { scriptedResponder } from '../control/scripted-responder.js'
import { temporaryDirectory } from '../temporary-directory.js'

// A client that is interrupted while it waits for its hook calls no hook that disarms. The challenge was armed before
// the hook of --then began, and stayed armed when a signal ended ours meanwhile.
t.test('a hook that a signal ends while the hook of --then runs leaves nothing armed', async (t) => {
  const runDir = temporaryDirectory(t)
  const { lines } = await scriptedResponder(t, join(runDir, 'control'), () => '{"version":1,"ok":true}\n')
  const then = join(runDir, 'then')
  for (const signal of ['INT', 'TERM', 'HUP']) {
    // It interrupts our hook, and waits for its end.
    writeFileSync(then, `#!/bin/sh\nkill -${signal} $PPID\nexec tail --pid=$PPID -f /dev/null\n`)
    chmodSync(then, 0o755)
    const challenge = ['a.example', 'token-of-16-chars', 'token-of-16-chars.print']
    const ended = await runHook('dehydrated', [
      `--run-dir=${runDir}`,
      `--then=${then}`,
      'deploy_challenge',
      ...challenge,
    ])
    t.match(ended, { exitCode: undefined }, signal)
    t.match(
      lines.slice(-2).map((line) => JSON.parse(line) as unknown),
      [{ op: 'arm' }, { op: 'disarm', token: 'token-of-16-chars' }],
    )
  }
})
