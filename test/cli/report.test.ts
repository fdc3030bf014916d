import { existsSync } from 'node:fs'
import { execa } from 'execa'
import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { runHook } from './command.js'

/** Runs its arguments on a terminal of their own, and writes what they have written there. */
const onTerminal = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))'

t.test('an error is coloured on a terminal, unless NO_COLOR is set or the terminal shows none', async (t) => {
  const say = async (...variables: string[]) => {
    const words = [
      '-i',
      `PATH=${process.env['PATH'] ?? ''}`,
      ...variables,
      'python3',
      '-c',
      onTerminal,
      inRepository('hooks/certbot-nfq'),
      'bogus',
    ]
    return (await execa('env', words, { reject: false, stdin: 'ignore' })).stdout
  }
  t.match(await say('TERM=xterm'), /^\u001b\[31mcertbot-nfq:\u001b\[39m there is no command/)
  for (const variables of [['TERM=xterm', 'NO_COLOR=1'], ['TERM=dumb']])
    t.match(await say(...variables), /^certbot-nfq: there is no command/, variables.join(' '))
  t.match(
    await runHook('certbot-nfq', ['bogus'], { TERM: 'xterm', FORCE_COLOR: '1' }),
    { stderr: /^certbot-nfq: there is no command/ },
    'and never in a pipe',
  )
})

t.test('the page an error points to is there, with an anchor of its code', async (t) => {
  const { stderr } = await runHook('cleanup', [])
  const [, path = '', anchor] = /, (\/[^\]]+)#([a-z-]+)\]$/.exec(stderr) ?? []
  t.ok(existsSync(path), path)
  t.equal(anchor, 'token-missing')
})
