/** What `doctor` and `install --remove` read of the configurations of certbot and the other clients. */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CONFIG_DIRECTORY } from '../../client/certbot/certbot.js'
import { examineLineage } from '../../client/certbot/examine-lineage.js'
import { HOOK_NAMES, HOOKS_DIRECTORY } from '../../client/certbot/hook-paths.js'
import { listLineages, pathOf } from '../../client/certbot/lineages.js'
import type { MachineFacts, Remark } from '../../client/configuration.js'
import { CLIENT_HOOKS, type ClientName } from '../client-hooks.js'
import { noteAbsentClients } from './client-programs.js'

/** Returns what is found of every client, or that there is none while no responder serves one. Changes nothing. */
export async function examineClients(isServed: boolean): Promise<Remark[]> {
  const found = await Promise.all(
    clientNames().map(async (name) => (await CLIENT_HOOKS[name].configuration()).examine(factsFor(name, isServed))),
  )
  const remarks = [...examineLineages(), ...found.flat()]
  if (remarks.length > 0 || isServed) return remarks
  // Not os.homedir(), which throws where neither HOME nor /etc/passwd tells.
  const { PATH = '', HOME = '/root' } = process.env
  return noteAbsentClients({ path: PATH, home: HOME, exists: existsSync })
}

/** Returns the files that make other clients use one of these hook paths, each with the client in front. */
export async function filesThatUse(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    clientNames().map(async (name) => {
      const facts = { ...factsFor(name, false), isOurs: (path: string) => paths.includes(path) }
      return (await CLIENT_HOOKS[name].configuration()).users(facts).map((file) => `${name} (${file})`)
    }),
  )
  return found.flat()
}

/** Returns what is wrong with certbot's lineages. Those that are well are not mentioned. */
function examineLineages(): Remark[] {
  return (attempt(() => listLineages(CONFIG_DIRECTORY)) ?? []).flatMap((name) => {
    const text = attempt(() => readFileSync(pathOf(CONFIG_DIRECTORY, name), 'utf8')) ?? ''
    return examineLineage(name, text, (path) => HOOK_NAMES.find((hook) => isHook(path, hook))) ?? []
  })
}

function clientNames(): ClientName[] {
  return Object.keys(CLIENT_HOOKS) as ClientName[]
}

function factsFor(name: ClientName, isServed: boolean): MachineFacts {
  return {
    isServed,
    read: (path) => attempt(() => readFileSync(path, 'utf8')),
    list: (directory) => attempt(() => readdirSync(directory).sort()) ?? [],
    exists: existsSync,
    isOurs: (path) => isHook(path, name),
  }
}

/** Returns whether a path is our hook of this name, or leads to it. */
function isHook(path: string, name: string): boolean {
  const own = fileURLToPath(new URL(`../../../hooks/${name}`, import.meta.url))
  return (
    path === join(HOOKS_DIRECTORY, name) ||
    new RegExp(`/certbot-nfq/(hooks/)?${name}$`).test(path) ||
    attempt(() => realpathSync(path)) === realpathSync(own)
  )
}

/** What cannot be read is as good as absent: without root, doctor says that it sees less. */
function attempt<Result>(read: () => Result): Result | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
