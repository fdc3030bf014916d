/** certbot's accounts: `accounts/SERVER/PATH/ID/` with private_key.json (a JSON Web Key), regr.json and meta.json. */
import { dirname, join, relative } from 'node:path'
import type { AccountKeeper } from '../accounts/account.js'
import { filesNamed, textInJson } from '../accounts/files.js'
import { CONFIG_DIRECTORY } from './certbot.js'

/** The deepest path that a CA's directory URL is expected to have, with its host and the account's id. */
const DEPTH = 8

/**
 * certbot. The path below `accounts` is the CA's directory URL without its scheme (certbot's `server_path`); regr.json
 * has the account's URL.
 */
export const certbotAccounts: AccountKeeper = {
  client: 'certbot',
  directories: () => [CONFIG_DIRECTORY],
  accountsIn: (directory) => {
    const accounts = join(directory, 'accounts')
    return filesNamed('private_key.json', accounts, DEPTH).map((path) => ({
      path,
      ca: `https://${relative(accounts, dirname(dirname(path)))}`,
      url: textInJson(join(dirname(path), 'regr.json'), 'uri'),
    }))
  },
}
