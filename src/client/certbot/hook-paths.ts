/**
 * The hooks at a path that stays: small scripts that lead to those of the present installation. An upgrade may move
 * that.
 */
import { fchmodSync, lstatSync, mkdirSync, readFileSync, realpathSync, renameSync, rmdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Failure, fileFailure } from '../../failure.js'
import { quoteForShell } from './hook-command.js'
import { writeNewFile } from '../change/new-file.js'

/**
 * The directory of the hooks for certbot, however certbot-nfq was installed: beside certbot's own configuration, where
 * a package may have files, and the owner of the machine too. The Debian package has links there.
 */
export const HOOKS_DIRECTORY = '/etc/certbot-nfq'

/** The hooks that certbot calls. */
export const HOOK_NAMES = ['auth', 'cleanup'] as const
/** One of them. */
export type HookName = (typeof HOOK_NAMES)[number]

const MARKER = '# Written by `certbot-nfq install`'

/** A hook path: what is there, and what belongs there. */
export interface HookPath {
  readonly path: string
  /** The script that belongs there. */
  readonly script: string
  /** `own` is the installation's own hook, or a package's link to it. `foreign` is what we have not written. */
  readonly state: 'absent' | 'current' | 'outdated' | 'own' | 'foreign'
}

/**
 * Returns the script for one hook, made from the template hooks/installed. Its two assignments name the hook and the
 * directory that it was installed from. It contains the functions of hooks/who-can-change, because that file may be
 * gone when it runs.
 */
export function hookScript(template: string, whoCanChange: string, name: string, from: string): string {
  const functions = /\n\n(.*?)\n\ncase \$\{0##/s.exec(whoCanChange)?.[1] ?? ''
  return template
    .replace(/^hook=.*$/m, () => `hook=${name}`)
    .replace(/^from=.*$/m, () => `from=${quoteForShell(from)}`)
    .replace(/^# The functions of who-can-change stand here.*$/m, (line) => `${line}\n${functions}\n`)
}

/**
 * Returns the hook paths of a directory with these names, by default those of certbot. They lead to the hooks in
 * `from`, which also has the template.
 * @throws Failure `install-failed`
 */
export function inspectHookPaths(directory: string, from: string, names: readonly string[] = HOOK_NAMES): HookPath[] {
  const [template, whoCanChange] = attempt(
    'read',
    from,
    () => [readFileSync(join(from, 'installed'), 'utf8'), readFileSync(join(from, 'who-can-change'), 'utf8')] as const,
  )
  return names.map((name) => {
    const path = join(directory, name)
    const script = hookScript(template, whoCanChange, name, from)
    const state = isSameFile(path, join(from, name)) ? 'own' : attempt('read', path, () => stateOf(path, script))
    return { path, script, state }
  })
}

/**
 * Writes the hook paths that are not as they should be, each in one step, because certbot may be about to run it. A
 * file that is not ours stays.
 * @throws Failure `hook-path-taken`, `disk-full`, `install-failed`
 */
export function writeHookPaths(hooks: readonly HookPath[]): void {
  for (const { path, state } of hooks) {
    if (state === 'foreign')
      throw new Failure('hook-path-taken', `${path} exists, and certbot-nfq install did not write it${leadingTo(path)}`)
  }
  for (const { path, script, state } of hooks) {
    if (state === 'current' || state === 'own') continue
    attempt('write', path, () => {
      const made = mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
      const fresh = `${path}.new`
      rmSync(fresh, { force: true })
      try {
        // The mode must not depend on the umask.
        writeNewFile(fresh, Buffer.from(script), (fd) => fchmodSync(fd, 0o755))
        renameSync(fresh, path)
      } finally {
        if (made !== undefined) removeIfEmpty(dirname(path))
      }
    })
  }
}

/**
 * Removes the hook paths that are ours, and the directory when it is empty then. Returns the removed paths.
 * @throws Failure `install-failed`
 */
export function removeHookPaths(hooks: readonly HookPath[]): string[] {
  const ours = hooks.filter(({ state }) => state === 'current' || state === 'outdated').map(({ path }) => path)
  for (const path of ours) attempt('remove', path, () => rmSync(path))
  for (const directory of new Set(ours.map((path) => dirname(path)))) removeIfEmpty(directory)
  return ours
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory)
  } catch {
    // The directory is not empty.
  }
}

/** Returns where a link leads, in words: the Debian package has such. Empty for anything else. */
function leadingTo(path: string): string {
  try {
    return lstatSync(path).isSymbolicLink() ? ` (a link to ${realpathSync(path)})` : ''
  } catch {
    return ''
  }
}

/** Returns whether two paths are the same file; false when either is missing. */
function isSameFile(one: string, other: string): boolean {
  try {
    return realpathSync(one) === realpathSync(other)
  } catch {
    return false
  }
}

function stateOf(path: string, script: string): HookPath['state'] {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (!found) return 'absent'
  if (!found.isFile()) return 'foreign'
  const text = readFileSync(path, 'utf8')
  if (!text.includes(`\n${MARKER}`)) return 'foreign'
  return text === script && (found.mode & 0o777) === 0o755 ? 'current' : 'outdated'
}

function attempt<Result>(act: string, path: string, work: () => Result): Result {
  try {
    return work()
  } catch (cause) {
    throw fileFailure(`${act} ${path}`, cause)
  }
}
