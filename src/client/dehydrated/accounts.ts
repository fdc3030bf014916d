/** dehydrated's accounts: `accounts/CA/` with account_key.pem and account_id.json. */
import { basename, dirname, join } from 'node:path'
import type { AccountKeeper } from '../accounts/account.js'
import { filesNamed, textInJson } from '../accounts/files.js'

/** dehydrated, whose BASEDIR Debian's package has in /var/lib. CA is the directory URL and a line end, as base64url. */
export const dehydratedAccounts: AccountKeeper = {
  client: 'dehydrated',
  directories: () => ['/var/lib/dehydrated', '/etc/dehydrated'],
  accountsIn: (directory) =>
    filesNamed('account_key.pem', join(directory, 'accounts'), 1).map((path) => ({
      path,
      ca: urlIn(basename(dirname(path))),
      url: textInJson(join(dirname(path), 'account_id.json'), 'url'),
    })),
}

function urlIn(name: string): string | undefined {
  const text = Buffer.from(name, 'base64url').toString('utf8').trim()
  return /^https?:\/\/\S+$/.test(text) ? text : undefined
}
