/** acme.sh's accounts: `ca/HOST/PATH/` with account.key and ca.conf. */
import { dirname, join, relative } from 'node:path'
import type { AccountKeeper } from '../accounts/account.js'
import { filesNamed, readSmallFile } from '../accounts/files.js'

/** The deepest path that a CA's directory URL is expected to have, with its host. */
const DEPTH = 8

/** acme.sh. The path below `ca` is the CA's directory URL without its scheme; ca.conf has the account's URL. */
export const acmeShAccounts: AccountKeeper = {
  client: 'acme.sh',
  directories: (home) => [join(home, '.acme.sh')],
  accountsIn: (directory) => {
    const accounts = join(directory, 'ca')
    return filesNamed('account.key', accounts, DEPTH).map((path) => ({
      path,
      ca: `https://${relative(accounts, dirname(path))}`,
      url: accountUrlIn(join(dirname(path), 'ca.conf')),
    }))
  },
}

/** Reads `ACCOUNT_URL='…'`. */
function accountUrlIn(path: string): string | undefined {
  try {
    return /^ACCOUNT_URL='([^'\n]+)'$/m.exec(readSmallFile(path))?.[1]
  } catch {
    return undefined
  }
}
