/** Where the firewall's own programs are; apart from run.ts, for execa takes longer to load than a self-check does. */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** PATH is short under systemd and snap; these programs are always in one of the usual places. */
const PATH = [process.env['PATH'], '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'].filter(Boolean).join(delimiter)

/** What those programs get of our environment; who is not root cannot open legacy iptables' lock file (kernel/xtables-lock.ts). */
export function environment(): Record<string, string> {
  return { PATH, LC_ALL: 'C', ...(process.getuid?.() !== 0 && { XTABLES_LOCKFILE: '/dev/null' }) }
}

/** Whether a program of this name can be run. */
export function isProgram(name: string): boolean {
  return PATH.split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
