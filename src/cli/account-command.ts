/** `account`: shows the thumbprints of the accounts that ACME clients have on this machine, for `serve --account`. */
import { homedir } from 'node:os'
import { acmeShAccounts } from '../client/acme-sh/accounts.js'
import type { Account, AccountKeeper } from '../client/accounts/account.js'
import { findAccounts } from '../client/accounts/find-accounts.js'
import { certbotAccounts } from '../client/certbot/accounts.js'
import { dehydratedAccounts } from '../client/dehydrated/accounts.js'
import { legoAccounts } from '../client/lego/accounts.js'
import { uacmeAccounts } from '../client/uacme/accounts.js'
import { printable, printableJson } from '../wire/printable.js'
import { warn } from './report.js'

/** The clients whose accounts are found. Another one adds its room in client/, and a line here. */
const KEEPERS: readonly AccountKeeper[] = [
  certbotAccounts,
  dehydratedAccounts,
  uacmeAccounts,
  acmeShAccounts,
  legoAccounts,
]

/**
 * Prints the accounts in `directory`, or without one at the clients' default places. A key file that cannot be used is
 * a warning, unless there is no other.
 * @throws Failure `account-missing`, `account-unreadable`, `account-key-unknown`
 */
export function accountCommand(directory: string | undefined, isJson: boolean): void {
  const { accounts, failures } = findAccounts(KEEPERS, { directory, home: homedir() })
  const [first, ...others] = failures
  for (const failure of accounts.length > 0 ? failures : others) warn(failure)
  if (accounts.length === 0 && first) throw first
  process.stdout.write(
    isJson
      ? `${printableJson(JSON.stringify(accounts, null, 2))}\n`
      : `${accounts.flatMap(formatAccount).map(printable).join('\n')}\n`,
  )
}

function formatAccount({ client, thumbprint, ca, url, path }: Account): string[] {
  const where = ca === undefined ? `${client}, which does not note the CA` : `${client}, ${ca}`
  return [thumbprint, `  ${where}${url === undefined ? '' : `, account ${url}`}`, `  ${path}`]
}
