/** certbot's lineages: their renewal configurations on disk. */
import { chownSync, chmodSync, closeSync, copyFileSync, constants, fsyncSync, openSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Failure } from '../failure.js'

/** A lineage's renewal configuration. */
export interface RenewalFile {
  readonly path: string
  readonly text: string
}

/** The names of the lineages of a configuration directory, in order; none when there is no such directory. @throws Failure `install-failed` */
export function listLineages(configDirectory: string): string[] {
  try {
    const names = readdirSync(join(configDirectory, 'renewal'))
    return names.filter((name) => name.endsWith('.conf')).map((name) => name.slice(0, -'.conf'.length)).sort()
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new Failure('install-failed', `cannot read the lineages: ${(cause as Error).message}`, { cause })
  }
}

/** @throws Failure `lineage-missing`, with the names there are; `install-failed` */
export function readRenewalFile(configDirectory: string, name: string): RenewalFile {
  const names = listLineages(configDirectory)
  if (!names.includes(name)) {
    const known = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`
    throw new Failure('lineage-missing', `${configDirectory} has no lineage ${JSON.stringify(name)}: ${known}`)
  }
  const path = join(configDirectory, 'renewal', `${name}.conf`)
  try {
    return { path, text: readFileSync(path, 'utf8') }
  } catch (cause) {
    throw new Failure('install-failed', `cannot read ${path}: ${(cause as Error).message}`, { cause })
  }
}

/** The lineages whose renewal configuration names one of these paths. @throws Failure `install-failed` */
export function lineagesThatUse(configDirectory: string, paths: readonly string[]): string[] {
  return listLineages(configDirectory).filter((name) => {
    const { text } = readRenewalFile(configDirectory, name)
    return text.split('\n').some((line) => /^\s*manual_(auth|cleanup)_hook\b/.test(line) && paths.some((path) => line.includes(path)))
  })
}

/**
 * Puts another text in the file's place, at once, with its owner and mode; gives the path of a copy of the one before, which certbot does not
 * take for a lineage's, for its name does not end in `.conf`. An older copy stays.
 * @throws Failure `install-failed`; the file is as it was then
 */
export function replaceRenewalFile({ path }: RenewalFile, text: string): string {
  try {
    // A link stays one.
    const target = realpathSync(path)
    const backup = backUp(target)
    const { mode, uid, gid } = statSync(target)
    // A name that certbot does not read, in the same directory.
    const fresh = `${target}.certbot-nfq-${process.pid}`
    rmSync(fresh, { force: true })
    const file = openSync(fresh, 'wx', 0o600)
    try {
      writeSync(file, text)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    chownSync(fresh, uid, gid)
    chmodSync(fresh, mode & 0o7777)
    renameSync(fresh, target)
    return backup
  } catch (cause) {
    throw new Failure('install-failed', `cannot change ${basename(path)}: ${(cause as Error).message}`, { cause })
  }
}

function backUp(path: string): string {
  for (let number = 1; ; number++) {
    const backup = `${path}.before-certbot-nfq${number === 1 ? '' : `-${number}`}`
    try {
      copyFileSync(path, backup, constants.COPYFILE_EXCL)
      const { mode, uid, gid } = statSync(path)
      chownSync(backup, uid, gid)
      chmodSync(backup, mode & 0o7777)
      return backup
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}
