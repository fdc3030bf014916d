/** The copies of a renewal configuration that adopting leaves beside it. */
import { readdirSync, readFileSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileFailure } from '../../failure.js'
import { usesHooks } from './lineage-use.js'
import { decode, type RenewalFile } from './lineages.js'
import { COPY } from '../change/replace-file.js'

/** A copy of a renewal configuration. */
export interface Copy {
  readonly path: string
  readonly text: string
}

/**
 * Returns the newest copy that uses none of these paths, which is the lineage as it was before it was adopted. Returns
 * undefined when there is none.
 * @throws Failure `renewal-malformed`, `install-failed`
 */
export function copyFromBefore({ path }: RenewalFile, hookPaths: readonly string[]): Copy | undefined {
  try {
    const target = realpathSync(path)
    const start = `${basename(target)}${COPY}`
    return readdirSync(dirname(target))
      .filter((name) => name.startsWith(start) && /^(-\d+)?$/.test(name.slice(start.length)))
      .sort((one, other) => numberOf(other.slice(start.length)) - numberOf(one.slice(start.length)))
      .map((name) => join(dirname(target), name))
      .map((path) => ({ path, text: decode(path, readFileSync(path)) }))
      .find(({ text }) => !usesHooks(text, hookPaths))
  } catch (cause) {
    throw fileFailure(`read the copies of ${basename(path)}`, cause)
  }
}

function numberOf(rest: string): number {
  return rest === '' ? 1 : Number(rest.slice(1))
}
