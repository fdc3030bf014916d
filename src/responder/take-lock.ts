/** Has the programs of legacy iptables run under the lock that they share. */
import type { Converse } from '../firewall/conversation.js'
import { changesLegacyTables } from '../firewall/iptables/iptables.js'
import type { Run } from '../firewall/run.js'
import type { UnderLock } from '../kernel/xtables-lock.js'

/** How programs are run, and how those that are kept running are talked to. */
export interface Programs {
  readonly run: Run
  readonly converse: Converse
}

/**
 * Returns the same programs, where what changes the tables of legacy iptables happens under the lock. A program that is
 * kept running has the lock only while it is told something.
 */
export function takeLock({ run, converse }: Programs, underLock: UnderLock): Programs {
  return {
    run: (argv, input) => (changesLegacyTables(argv) ? underLock(() => run(argv, input)) : run(argv, input)),
    converse: (dialect) => {
      const conversation = converse(dialect)
      if (!changesLegacyTables(dialect.argv)) return conversation
      return {
        say: (lines) => underLock(() => conversation.say(lines)),
        end: conversation.end,
        get isAlive() {
          return conversation.isAlive
        },
      }
    },
  }
}
