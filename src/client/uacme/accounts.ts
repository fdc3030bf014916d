/** uacme's account: `private/key.pem`. */
import { join } from 'node:path'
import type { AccountKeeper } from '../accounts/account.js'
import { isFile } from '../accounts/files.js'

/** uacme. It has one key for all CAs, and notes none of them. */
export const uacmeAccounts: AccountKeeper = {
  client: 'uacme',
  directories: () => ['/etc/ssl/uacme'],
  accountsIn: (directory) => {
    const path = join(directory, 'private/key.pem')
    return isFile(path) ? [{ path, ca: undefined, url: undefined }] : []
  },
}
