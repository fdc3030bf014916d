/** Is it root, with the capabilities that a responder's start takes, and is what root runs root's alone? */
import { readFileSync } from 'node:fs'
import { FIXES } from '../../failure.js'
import { fail, ok, type Finding } from './finding.js'

/**
 * The capabilities that a start needs (capabilities(7)): for rules and queue, for forged replies, and for giving root
 * up.
 */
const NEEDED = { CAP_SETGID: 6, CAP_SETUID: 7, CAP_SETPCAP: 8, CAP_NET_ADMIN: 12, CAP_NET_RAW: 13 } as const

/** The rights of a process. */
export interface Rights {
  /** The effective user. */
  readonly uid: number
  /** The effective set, one bit for each capability; undefined when the kernel does not tell. */
  readonly capabilities: bigint | undefined
}

/** Returns the rights of this process. */
export function readRights(): Rights {
  const hex = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]
  return { uid: process.geteuid?.() ?? -1, capabilities: hex === undefined ? undefined : BigInt(`0x${hex}`) }
}

/** Judges the rights. Certbot's hooks need root and these capabilities. */
export function judgeRights({ uid, capabilities }: Rights): Finding {
  if (uid !== 0) return fail('rights', `runs as user id ${uid}, not as root`, FIXES['not-root'])
  const missing = Object.entries(NEEDED).flatMap(([name, bit]) =>
    capabilities !== undefined && ((capabilities >> BigInt(bit)) & 1n) === 0n ? [name] : [],
  )
  if (missing.length > 0) return fail('rights', `root here lacks ${missing.join(', ')}`, FIXES['capability-missing'])
  return ok('rights', 'root, with CAP_NET_ADMIN and CAP_NET_RAW')
}

/**
 * Judges the owners of what root runs. `who` is the first user who can change it, as in "alice can change /home/alice";
 * undefined when nobody but root can.
 */
export function judgeOwners(who: string | undefined): Finding {
  if (who === undefined)
    return ok('owners', 'only root can change what root runs: the program, its Node, the hook paths')
  return fail(
    'owners',
    `${who}, and so what root runs here`,
    'give it to root alone: chown -R root: DIRECTORY; chmod -R go-w DIRECTORY',
  )
}
