/**
 * Who but root could change what root runs: the program, its compiled packages, its Node. Links and access control
 * lists are looked at by hooks/who-can-change.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../../failure.js'

/** What is run besides the contents of `dist`. */
const COMPILED = ['node_modules/koffi', 'node_modules/@koromix', 'node_modules/nfqueue']

/** A number of paths that fits one command line for certain. */
const AT_ONCE = 200

/**
 * Returns the first that is found, as in "alice can change /home/alice"; undefined when only root, or whoever runs
 * this, can.
 * @param hooks the directory `hooks` of the installation
 * @param more other paths that root runs, or will run; they may be missing
 * @throws Failure `install-failed` when it cannot be found out
 */
export function whoCanChange(hooks: string, more: readonly string[]): string | undefined {
  const root = join(hooks, '..')
  const parts = ['package.json', 'hooks', 'dist', ...COMPILED].map((part) => join(root, part))
  const paths = [...parts, ...more, ...parts.flatMap(filesBelow).filter(isSuspect)]
  for (let start = 0; start < paths.length; start += AT_ONCE) {
    const who = ask(join(hooks, 'who-can-change'), paths.slice(start, start + AT_ONCE))
    if (who !== '') return who
  }
  return undefined
}

function filesBelow(directory: string): string[] {
  if (!existsSync(directory) || !lstatSync(directory).isDirectory()) return []
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => join(directory, name))
}

/** Returns whether a file looks unsafe by itself. The path to it is looked at once, not for each file. */
function isSuspect(path: string): boolean {
  const entry = lstatSync(path, { throwIfNoEntry: false })
  return entry !== undefined && (entry.uid !== 0 || entry.isSymbolicLink() || (entry.mode & 0o022) !== 0)
}

function ask(program: string, paths: readonly string[]): string {
  const { status, stdout, error } = spawnSync(program, paths, {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', friend: String(process.getuid?.() ?? 0) },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  if (status !== 0)
    throw new Failure(
      'install-failed',
      `cannot find out who may change ${paths[0] ?? ''}: ${error?.message ?? `${program} ended with ${status ?? 'a signal'}`}`,
    )
  return stdout.trim()
}
