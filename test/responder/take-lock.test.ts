import t from 'tap'
import type { UnderLock } from '../../src/kernel/xtables-lock.js'
import { restoreDialect } from '../../src/firewall/iptables/dialect.js'
import { putFirewallProgramsOnPath } from '../firewall/fake-programs.js'

putFirewallProgramsOnPath()
const { takeLock } = await import('../../src/responder/take-lock.js')

t.test('legacy iptables has the lock for what changes its tables, and only meanwhile', async (t) => {
  const { programs, done } = stage()
  await programs.run(['iptables-legacy-restore', '--noflush'])
  await programs.run(['iptables-legacy-save'])
  const kept = programs.converse(restoreDialect('ip6tables-legacy-restore'))
  await kept.say('one')
  t.equal(kept.isAlive, true)
  await kept.end()
  t.equal(kept.isAlive, false)
  t.strictSame(done, ['lock', 'run', 'unlock', 'run', 'start', 'lock', 'one', 'unlock', 'end'])
})

t.test('other programs need no lock', async (t) => {
  const { programs, done } = stage()
  await programs.run(['nft', '-f', '-'])
  await programs.converse({ ...restoreDialect('nft') }).say('one')
  t.strictSame(done, ['run', 'start', 'one'])
})

function stage() {
  const done: string[] = []
  const underLock: UnderLock = async (task) => {
    done.push('lock')
    try {
      return await task()
    } finally {
      done.push('unlock')
    }
  }
  const programs = takeLock(
    {
      run: async () => {
        done.push('run')
        return { exitCode: 0, stdout: '', stderr: '' }
      },
      converse: () => {
        let isAlive = true
        done.push('start')
        return {
          say: async (lines) => void done.push(lines),
          end: async () => {
            isAlive = false
            done.push('end')
          },
          get isAlive() {
            return isAlive
          },
        }
      },
    },
    underLock,
  )
  return { programs, done }
}
