/** lego's accounts: `accounts/HOST/EMAIL/` with keys/EMAIL.key and account.json. */
import { basename, dirname, join } from 'node:path'
import type { AccountKeeper } from '../accounts/account.js'
import { pathsIn, textInJson } from '../accounts/files.js'

/**
 * lego. Its directory is `.lego` where it was started, or LEGO_PATH; only that of the home directory is looked into
 * without --config-dir. HOST is the CA's; the rest of its URL is not noted.
 */
export const legoAccounts: AccountKeeper = {
  client: 'lego',
  directories: (home) => [join(home, '.lego')],
  accountsIn: (directory) =>
    pathsIn(join(directory, 'accounts'))
      .flatMap(pathsIn)
      .flatMap((account) =>
        pathsIn(join(account, 'keys'))
          .filter((path) => path.endsWith('.key'))
          .map((path) => ({
            path,
            ca: basename(dirname(account)),
            url: textInJson(join(account, 'account.json'), 'registration', 'uri'),
          })),
      ),
}
