/** Without root, `account` took a directory of accounts that was closed to it for no account: make one, it said. */
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { certbotAccounts } from '../../src/client/certbot/accounts.js'
import { findAccounts } from '../../src/client/accounts/find-accounts.js'
import { asNobody } from '../as-nobody.js'
import { temporaryDirectory } from '../temporary-directory.js'

t.test('that a directory is closed is told, and not taken for no account', async (t) => {
  const home = temporaryDirectory(t)
  chmodSync(home, 0o755)
  const [open, closed] = [join(home, 'open'), join(home, 'closed')]
  for (const directory of [open, closed]) mkdirSync(join(directory, 'accounts'), { recursive: true })
  chmodSync(join(closed, 'accounts'), 0)
  await asNobody(() => {
    const find = (directory: string) => () => findAccounts([certbotAccounts], { directory, home })
    t.throws(find(closed), {
      code: 'account-unreadable',
      message: `cannot look into ${closed}/accounts: permission denied`,
    })
    t.throws(find(open), { code: 'account-missing' })
  })
  chmodSync(join(closed, 'accounts'), 0o700)
})
