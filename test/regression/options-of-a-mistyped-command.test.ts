/** Of a mistyped command with options, the options were complained of; a missing value was told in yargs' words. */
import t from 'tap'
import { failsWith, runHook } from '../cli/command.js'

t.test('a mistyped command is told of before its options, and an option without its value is named', async (t) => {
  for (const [words, cause] of [
    [['docter', '-d', 'example.com'], 'there is no command "docter": did you mean doctor?'],
    [['instal', '--adopt', 'example.com'], 'there is no command "instal": did you mean install?'],
    [['install', '--undo'], '--undo takes a value'],
    [['doctor', '-d'], '-d takes a value'],
  ] as const) {
    const ended = await runHook('certbot-nfq', words)
    failsWith(t, ended, 'bad-option', words.join(' '))
    t.equal(ended.stderr.split('\n')[0], `certbot-nfq: ${cause}`)
  }
})
