/** Is the run directory safe, or can it be made? */
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { checkRunDirectory, type RunDirectory } from '../../responder/run-directory.js'
import { FIXES, isFailure, toFailure } from '../../failure.js'
import { fail, ok, type Finding } from './finding.js'

/** What is known of the run directory. */
export interface RunDirectoryFacts {
  readonly path: string
  readonly isThere: boolean
  readonly isParentThere: boolean
  /** Why it is not safe, if it is not. */
  readonly refusal: string | undefined
}

/** Looks at the directory. Makes nothing. */
export function readRunDirectory(directory: Pick<RunDirectory, 'path'>): RunDirectoryFacts {
  const { path } = directory
  return {
    path,
    isThere: existsSync(path),
    isParentThere: existsSync(dirname(path)),
    refusal: refusalOf(() => checkRunDirectory(directory)),
  }
}

/** Judges the directory. It may be absent, for the first hook makes it. */
export function judgeRunDirectory({ path, isThere, isParentThere, refusal }: RunDirectoryFacts): Finding {
  if (refusal !== undefined) return fail('run-directory', refusal, FIXES['run-directory'])
  if (isThere) return ok('run-directory', `${path} is there and safe`)
  if (!isParentThere)
    return fail('run-directory', `${path} cannot be made: the directory above it is not there`, FIXES['run-directory'])
  return ok('run-directory', `${path} is not there; the first hook makes it`)
}

function refusalOf(check: () => void): string | undefined {
  try {
    check()
    return undefined
  } catch (thrown) {
    // Without root there may be no right to look.
    return isFailure(thrown)
      ? thrown.message
      : `the run directory cannot be looked at: ${toFailure(thrown).message.replace(/^unexpected: /, '')}`
  }
}
