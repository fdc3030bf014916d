/**
 * Who but root could change what root runs: the program, its compiled packages, its Node. Links and lists of rights are
 * hooks/who-can-change's matter.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../../failure.js'

/** What is run besides what `dist` has. */
const COMPILED = ['node_modules/koffi', 'node_modules/@koromix', 'node_modules/nfqueue']

/** As many paths as one command line surely bears. */
const AT_ONCE = 200

/**
 * The first found, as in "alice can change /home/alice"; undefined when nobody can, but root and who runs this.
 * @param hooks the directory `hooks` of the installation
 * @param more other paths that root runs, or is to run; they need not be there
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

/** At first sight; what leads here is looked at once, not for each file. */
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
