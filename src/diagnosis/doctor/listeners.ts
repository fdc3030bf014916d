/** Which process listens on a port (proc(5), /proc/net/tcp). */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { endianness } from 'node:os'
import { processName } from '../../kernel/process-name.js'
import type { IpVersion } from '../../wire/ip.js'
import { formatAddress } from '../../wire/address.js'

/** A socket that listens on the port. */
export interface Listener {
  /** `0.0.0.0`, `::1` and so on. */
  readonly address: string
  readonly version: IpVersion
  /**
   * The process that has the socket; undefined when it cannot be seen, without root or for a process of another
   * container.
   */
  readonly process: { readonly pid: number; readonly name: string } | undefined
}

/**
 * Returns the sockets that listen on the port in this network namespace. Those of one process and address count once.
 */
export function readListeners(port: number): Listener[] {
  const sockets = ([4, 6] as const).flatMap((version) =>
    listeningSockets(read(`/proc/net/tcp${version === 6 ? '6' : ''}`), port, version),
  )
  const owners = sockets.length === 0 ? new Map<string, number>() : ownersOf(new Set(sockets.map(({ inode }) => inode)))
  const listeners = sockets.map(({ address, version, inode }) => {
    const pid = owners.get(inode)
    return {
      address,
      version,
      process: pid === undefined ? undefined : { pid, name: processName(pid) ?? '' },
    }
  })
  const isSame = (one: Listener, other: Listener) =>
    one.address === other.address && one.process?.pid === other.process?.pid
  return listeners.filter((one, at) => listeners.findIndex((other) => isSame(one, other)) === at)
}

/**
 * Reads lines of `sl local_address rem_address st … inode`. Addresses are 32-bit words in the machine's own byte order,
 * in hexadecimal. State 0A is LISTEN.
 */
export function listeningSockets(
  table: string,
  port: number,
  version: IpVersion,
): { address: string; version: IpVersion; inode: string }[] {
  return table.split('\n').flatMap((line) => {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/)
    const [words = '', localPort = ''] = local.split(':')
    if (state !== '0A' || parseInt(localPort, 16) !== port) return []
    return [{ address: formatAddress(addressOf(words)), version, inode }]
  })
}

function addressOf(words: string): Uint8Array {
  const bytes = Buffer.from(words, 'hex')
  return endianness() === 'LE' ? bytes.swap32() : bytes
}

/**
 * Returns the first process for the inode of each socket. The children of a server share the socket with their parent,
 * which is older.
 */
function ownersOf(inodes: ReadonlySet<string>): Map<string, number> {
  const owners = new Map<string, number>()
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((one, other) => one - other)
  for (const pid of pids) {
    for (const inode of socketsOf(pid)) if (inodes.has(inode) && !owners.has(inode)) owners.set(inode, pid)
  }
  return owners
}

function socketsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap(
      (fd) => /^socket:\[(\d+)\]$/.exec(target(`/proc/${pid}/fd/${fd}`))?.[1] ?? [],
    )
  } catch {
    // The process has ended, or belongs to somebody else.
    return []
  }
}

function target(link: string): string {
  try {
    return readlinkSync(link)
  } catch {
    return ''
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
