/** Finds the accounts of ACME clients on this machine. */
import { realpathSync } from 'node:fs'
import { Failure, isFailure } from '../../failure.js'
import type { Account, AccountFile, AccountKeeper } from './account.js'
import { closedIn, readSmallFile } from './files.js'
import { thumbprintOf } from './thumbprint.js'

/** What was found. */
export interface FoundAccounts {
  readonly accounts: readonly Account[]
  /** What is wrong with the key files that could not be used. */
  readonly failures: readonly Failure[]
}

/**
 * Returns the accounts that these clients keep in `directory`, or without one at their default places. Each key file is
 * read once, and counts once, whatever links lead to it.
 * @throws Failure `account-missing` when there is no key file at all, `account-unreadable` when none is to be seen
 * because a directory is closed
 */
export function findAccounts(
  keepers: readonly AccountKeeper[],
  { directory, home }: { readonly directory: string | undefined; readonly home: string },
): FoundAccounts {
  const accounts: Account[] = []
  const failures: Failure[] = []
  const known = new Set<string>()
  for (const { client, file } of filesOf(keepers, directory, home)) {
    const key = realPath(file.path)
    if (known.has(key)) continue
    known.add(key)
    try {
      accounts.push({ client, ...file, thumbprint: thumbprintOf(readKey(file.path), file.path) })
    } catch (thrown) {
      if (!isFailure(thrown)) throw thrown
      failures.push(thrown)
    }
  }
  if (known.size > 0) return { accounts, failures }
  const places = directory === undefined ? keepers.flatMap(({ directories }) => directories(home)) : [directory]
  const closed = places.map(closedIn).find((path) => path !== undefined)
  if (closed !== undefined) throw new Failure('account-unreadable', `cannot look into ${closed}: permission denied`)
  throw new Failure('account-missing', `no account of an ACME client found in ${[...new Set(places)].join(', ')}`)
}

function filesOf(
  keepers: readonly AccountKeeper[],
  directory: string | undefined,
  home: string,
): { client: string; file: AccountFile }[] {
  return keepers.flatMap(({ client, directories, accountsIn }) =>
    (directory === undefined ? directories(home) : [directory]).flatMap((place) =>
      accountsIn(place).map((file) => ({ client, file })),
    ),
  )
}

/** @throws Failure `account-unreadable` */
function readKey(path: string): string {
  try {
    return readSmallFile(path)
  } catch (error) {
    throw new Failure('account-unreadable', `cannot read ${path}: ${(error as Error).message}`)
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
