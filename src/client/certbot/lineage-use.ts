/** Which lineages are renewed by the hooks. */
import { readFileSync } from 'node:fs'
import { listLineages, pathOf } from './lineages.js'
import { readRenewalParameters } from './renewal-configuration.js'

/**
 * The lineages that are renewed by one of these paths, and those for which that cannot be seen, each with the reason.
 */
export interface LineageUse {
  readonly users: readonly string[]
  readonly unread: readonly { readonly name: string; readonly why: string }[]
}

/**
 * Returns which lineages are renewed by one of the paths.
 * @throws Failure `install-failed` when there is a directory of lineages that cannot be listed
 */
export function lineagesThatUse(configDirectory: string, paths: readonly string[]): LineageUse {
  const users: string[] = []
  const unread: { name: string; why: string }[] = []
  for (const name of listLineages(configDirectory)) {
    try {
      if (usesHooks(readFileSync(pathOf(configDirectory, name), 'utf8'), paths)) users.push(name)
    } catch (error) {
      unread.push({ name, why: (error as Error).message })
    }
  }
  return { users, unread }
}

/**
 * Returns whether a renewal configuration has certbot run one of the paths. certbot ignores the hooks of a lineage with
 * another authenticator than `manual`. Text that is no renewal configuration counts as one with that authenticator.
 */
export function usesHooks(text: string, paths: readonly string[]): boolean {
  const isNamed = text
    .split('\n')
    .some((line) => /^\s*manual_(auth|cleanup)_hook\b/.test(line) && paths.some((path) => line.includes(path)))
  return isNamed && isManual(text)
}

function isManual(text: string): boolean {
  try {
    return [readRenewalParameters(text)['authenticator']].flat().join() === 'manual'
  } catch {
    return true
  }
}
