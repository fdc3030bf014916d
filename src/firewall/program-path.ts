/**
 * Where the firewall's own programs are. It is apart from run.ts, because execa takes longer to load than a self-check
 * takes.
 */
import { accessSync, constants, realpathSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'

/** PATH is short under systemd and snap. These programs are always in one of the usual places. */
const PATH = [process.env['PATH'], '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin']
  .filter(Boolean)
  .join(delimiter)

/**
 * The file that legacy iptables locks when we hold the real lock for it, or when no other process can be there. It has
 * to lock a file. Each of its processes has this one to itself, because the kernel lets no other user open it.
 */
export const OWN_LOCK = '/proc/self/environ'

/**
 * Returns the environment of those programs. Without root they cannot open legacy iptables' lock file
 * (kernel/xtables-lock.ts).
 */
export function environment(): Record<string, string> {
  return { PATH, LC_ALL: 'C', ...(process.getuid?.() !== 0 && { XTABLES_LOCKFILE: OWN_LOCK }) }
}

/** Returns whether a program of this name can be run. */
export function isProgram(name: string): boolean {
  return pathOf(name) !== undefined
}

/**
 * Returns whether this is a program of legacy iptables under any name. `iptables` is the variant that the host has
 * chosen.
 */
export function isLegacyIptables(name: string): boolean {
  const path = pathOf(name)
  return path !== undefined && /^(ip6?|x)tables/.test(name) && !basename(realpathSync(path)).includes('nft')
}

function pathOf(name: string): string | undefined {
  return PATH.split(delimiter)
    .map((directory) => join(directory, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}
