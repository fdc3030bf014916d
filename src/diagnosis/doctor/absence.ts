/** What `status` says where no responder runs: whether one that was killed has left something, and what. */
import { lockHolders } from '../../kernel/lock-holder.js'
import { existsSync } from 'node:fs'
import { run } from '../../firewall/run.js'
import { installedByTag } from './own-rules.js'
import { readInstalledRules } from '../../rules-read/installed-rules.js'
import type { RunDirectory } from '../../responder/run-directory.js'

/** What is there although no responder answers. */
export interface Absence {
  /** Tables and chains of this run directory's responder, and its files. */
  readonly left: readonly string[]
  /** Tables and chains of responders with other run directories, running or not. */
  readonly ofOthers: readonly string[]
  /** Whether a responder starts or ends at this moment, so that nothing is left over. */
  readonly isInUse: boolean
  /** The first reason why rules may be there that are not seen; empty if there is none. */
  readonly unseen: readonly string[]
}

/** Looks for what is left. Changes nothing. */
export async function readAbsence({ tag, socket, lock }: RunDirectory): Promise<Absence> {
  const isInUse = lockHolders(lock).length > 0
  const rules = await readInstalledRules(run)
  const own = installedByTag(rules)
  return {
    left: [...(own.get(tag) ?? []), ...[socket, lock].filter((path) => existsSync(path))],
    ofOthers: [...own].flatMap(([other, names]) => (other === tag ? [] : names)),
    isInUse,
    unseen: process.geteuid?.() === 0 ? rules.silent.slice(0, 1) : ['only root can see rules'],
  }
}

/** Returns it for a person, in lines. */
export function describeAbsence({ left, ofOthers, isInUse, unseen }: Absence, { path }: RunDirectory): string {
  if (isInUse) return `No responder answers in ${path}: one starts or ends at this moment.`
  return [
    `No responder runs in ${path}: nothing is armed.`,
    ...(left.length === 0
      ? []
      : [
          'One that was killed has left (its rules let every packet pass):',
          ...left.map((name) => `  ${name}`),
          `Remove that with: certbot-nfq stop --run-dir ${path}`,
        ]),
    ...(ofOthers.length === 0
      ? []
      : [
          'Of responders with another --run-dir, at work or killed, there are:',
          ...ofOthers.map((name) => `  ${name}`),
          'Give status and stop the --run-dir of those hooks.',
        ]),
    ...(unseen.length === 0 ? [] : [`Whether rules are left cannot be seen: ${unseen.join('; ')}`]),
  ].join('\n')
}
