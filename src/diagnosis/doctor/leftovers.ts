/** What a crash has left behind, or which responder is running. */
import { existsSync } from 'node:fs'
import type { ResponderStatus } from '../../control/responder-status.js'
import { ask } from '../../client/ask.js'
import type { RunDirectory } from '../../responder/run-directory.js'
import { toFailure } from '../../failure.js'
import { tagOf } from '../../firewall/iptables/chains.js'
import { tagOfTable } from '../../firewall/nft/names.js'
import { lockHolders } from '../../kernel/lock-holder.js'
import type { Table } from '../../rules-read/chains.js'
import { ok, warn, type Finding } from './finding.js'

/** What is there of a responder, running or not. */
export interface LeftoverFacts {
  readonly tag: string
  /** The responder that answers, `absent`, or why its answer is not a good one. */
  readonly responder: ResponderStatus | 'absent' | { readonly refusal: string }
  /** The responder's files in the run directory. */
  readonly files: readonly string[]
  /** Whether some process holds the lock: a responder that starts or ends at this moment. */
  readonly isLocked: boolean
  /** The tags of all our rules, for any run directory. */
  readonly tags: readonly string[]
}

/** Asks the responder and looks for what is left. Removes nothing. */
export async function readLeftovers(directory: RunDirectory, tables: readonly Table[]): Promise<LeftoverFacts> {
  const { socket, lock, tag } = directory
  return {
    tag,
    responder: await askStatus(directory),
    files: [socket, lock].filter((path) => existsSync(path)),
    isLocked: lockHolders(lock).length > 0,
    tags: tagsIn(tables),
  }
}

/** Returns the tags of our chains in iptables' mangle table and of our nft tables. */
export function tagsIn(tables: readonly Table[]): string[] {
  const tags = tables.flatMap(({ name, chains }) => [tagOfTable(name), ...[...chains.keys()].map(tagOf)])
  return [...new Set(tags.filter((tag) => tag !== undefined).filter((tag) => TAG.test(tag)))]
}

/** A tag as responder/run-directory.ts makes it. */
const TAG = /^[0-9a-f]{8}$/

/** Returns whether a responder answers. */
export function isAtWork({ responder }: LeftoverFacts): boolean {
  return typeof responder === 'object' && 'pid' in responder
}

/** Judges leftovers. They are no failure: they let every packet pass, and the next hook removes them. */
export function judgeLeftovers({ tag, responder, files, isLocked, tags }: LeftoverFacts): Finding[] {
  const others = tags.filter((one) => one !== tag)
  const ofOthers =
    others.length === 0
      ? []
      : [
          warn(
            'leftovers',
            `rules of another run directory are there (${others.join(', ')}): of a responder at work, or left by one`,
            'give certbot-nfq stop the --run-dir of those hooks; use one --run-dir for a port',
          ),
        ]
  return [...judgeOwn({ tag, responder, files, isLocked, tags }), ...ofOthers]
}

function judgeOwn({ tag, responder, files, isLocked, tags }: LeftoverFacts): Finding[] {
  if (typeof responder === 'object' && 'refusal' in responder)
    return [warn('leftovers', responder.refusal, 'see with: certbot-nfq status')]
  if (typeof responder === 'object') return [ok('leftovers', describeResponder(responder))]
  if (isLocked) return [ok('leftovers', 'a responder starts or ends at this moment')]
  const left = [...(tags.includes(tag) ? ['rules'] : []), ...files]
  if (left.length === 0) return [ok('leftovers', 'nothing is left of an earlier responder')]
  return [
    warn(
      'leftovers',
      `an earlier responder was killed and has left: ${left.join(', ')} (its rules pass every packet on)`,
      'nothing: the next hook removes that; or at once: certbot-nfq stop',
    ),
  ]
}

function describeResponder({ pid, challenges, stateless }: ResponderStatus): string {
  const atWork = `a responder is at work: process ${pid}, ${challenges.length} armed`
  if (!stateless) return atWork
  const { thumbprint, names, port } = stateless
  const whom = names.length === 0 ? 'any name' : names.join(', ')
  return `${atWork}; on port ${port} it answers any token for ${whom} and the account ${thumbprint}`
}

async function askStatus(directory: RunDirectory): Promise<LeftoverFacts['responder']> {
  try {
    const response = await ask(directory, { op: 'status' })
    if (typeof response === 'object' && response.status) return response.status
    return 'absent'
  } catch (thrown) {
    return { refusal: toFailure(thrown).message }
  }
}
