/** What `doctor` reads of the other clients' configurations. */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { HOOKS_DIRECTORY } from '../client/certbot/hook-paths.js'
import type { MachineFacts, Remark } from '../client/configuration.js'
import { CLIENT_HOOKS, type ClientName } from './client-hooks.js'

/** Returns what is found of every client. Changes nothing. */
export async function examineClients(isServed: boolean): Promise<Remark[]> {
  const names = Object.keys(CLIENT_HOOKS) as ClientName[]
  const found = await Promise.all(
    names.map(async (name) => (await CLIENT_HOOKS[name].configuration()).examine(factsFor(name, isServed))),
  )
  return found.flat()
}

function factsFor(name: ClientName, isServed: boolean): MachineFacts {
  const own = fileURLToPath(new URL(`../../hooks/${name}`, import.meta.url))
  return {
    isServed,
    read: (path) => attempt(() => readFileSync(path, 'utf8')),
    list: (directory) => attempt(() => readdirSync(directory).sort()) ?? [],
    exists: existsSync,
    isOurs: (path) =>
      path === join(HOOKS_DIRECTORY, name) ||
      new RegExp(`/certbot-nfq/(hooks/)?${name}$`).test(path) ||
      attempt(() => realpathSync(path)) === realpathSync(own),
  }
}

/** What cannot be read is as good as absent: without root, doctor says that it sees less. */
function attempt<Result>(read: () => Result): Result | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
