/** The link that puts the command `certbot-nfq` into PATH. */
import { lstatSync, mkdirSync, readlinkSync, realpathSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileFailure } from '../../failure.js'

/** The default directory of the link. root's PATH has it on every distribution. */
export const COMMAND_DIRECTORY = '/usr/local/sbin'

/** The PATH of a root that has set none (Debian's login.defs, systemd.exec(5)). */
const USUAL_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** The link: what is there, and where it belongs to lead. */
export interface CommandLink {
  readonly path: string
  readonly target: string
  /**
   * `needless` is a link that is not there and need not be, because the command is in a usual directory already; then
   * `path` is that one. `foreign` is what is not a link to a command of ours.
   */
  readonly state: 'absent' | 'current' | 'outdated' | 'needless' | 'foreign'
}

/**
 * Returns the link in a directory. It leads to the command of the installation whose hooks are in `hooks`.
 * @throws Failure `install-failed`
 */
export function inspectCommandLink(directory: string, hooks: string): CommandLink {
  const [path, target] = [join(directory, 'certbot-nfq'), join(hooks, 'certbot-nfq')]
  try {
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found) return { path, target, state: stateOf(path, target, found.isSymbolicLink()) }
    const other = USUAL_PATH.split(':')
      .map((usual) => join(usual, 'certbot-nfq'))
      .find((usual) => isSameFile(usual, target))
    return other === undefined ? { path, target, state: 'absent' } : { path: other, target, state: 'needless' }
  } catch (cause) {
    throw fileFailure(`read ${path}`, cause)
  }
}

/**
 * Makes the link lead to the command, in one step. What is not ours stays.
 * @throws Failure `read-only-file-system`, `disk-full`, `install-failed`
 */
export function writeCommandLink({ path, target, state }: CommandLink): void {
  if (state !== 'absent' && state !== 'outdated') return
  const fresh = `${path}.new`
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
    rmSync(fresh, { force: true })
    symlinkSync(target, fresh)
    renameSync(fresh, path)
  } catch (cause) {
    throw fileFailure(`write ${path}`, cause)
  }
}

/** Removes the link if it is ours. Returns whether it was there. @throws Failure `install-failed` */
export function removeCommandLink({ path, state }: CommandLink): boolean {
  if (state !== 'current' && state !== 'outdated') return false
  try {
    rmSync(path)
  } catch (cause) {
    throw fileFailure(`remove ${path}`, cause)
  }
  return true
}

function stateOf(path: string, target: string, isLink: boolean): CommandLink['state'] {
  if (!isLink) return 'foreign'
  const leadsTo = readlinkSync(path)
  if (leadsTo === target) return 'current'
  return leadsTo.endsWith('/hooks/certbot-nfq') ? 'outdated' : 'foreign'
}

/** Returns whether two paths are the same file; false when either is missing. */
function isSameFile(one: string, other: string): boolean {
  try {
    return realpathSync(one) === realpathSync(other)
  } catch {
    return false
  }
}
