/** How to talk to an iptables-restore(8) that is kept running. */
import type { Dialect } from '../conversation.js'

/**
 * Waits up to 10 seconds for the lock that iptables processes share (iptables(8), `-w`). iptables-restore holds it from
 * the name of a table to COMMIT, so a process that waits for more to read does not hold it.
 */
export const WAIT = ['-w', '10']

/**
 * Returns how to talk to `program`, such as `ip6tables-restore`. It reads the rules anew at the name of each table, and
 * changes them at COMMIT. The mark is a comment, which it prints at once with `--verbose`; so it does since version
 * 1.6.2, where Android's netd needed it for the same purpose. At an error it ends.
 *
 * The nft variant buffers what it reads first, up to a line that needs to know the rules, such as `-D`.
 */
export function restoreDialect(program: string): Dialect {
  return {
    argv: [program, '--noflush', '--verbose', ...WAIT],
    answersOn: 'stdout',
    mark: (word) => `# ${word}`,
    refusalIn: (heard, word) => (heard.includes(`${word}\n`) ? undefined : heard.trim().split('\n', 1)[0] || undefined),
  }
}
