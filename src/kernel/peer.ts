/** The process at the other end of a Unix socket (SO_PEERCRED, unix(7)). */
import { endianness } from 'node:os'
import { loadLibc } from './libc.js'

const SOL_SOCKET = 1
const SO_PEERCRED = 17

/**
 * Returns a function that tells the user id at the other end of a connected socket's descriptor; `undefined` when the
 * kernel does not tell.
 */
export async function openPeerLookup(): Promise<(fd: number) => number | undefined> {
  const libc = await loadLibc()
  return (fd) => {
    // struct ucred: pid, uid, gid, 32 bits each.
    const credentials = new Uint8Array(12)
    const length = new Uint8Array(4)
    const view = new DataView(credentials.buffer)
    const isLittleEndian = endianness() === 'LE'
    new DataView(length.buffer).setUint32(0, credentials.length, isLittleEndian)
    return libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, length) < 0
      ? undefined
      : view.getUint32(4, isLittleEndian)
  }
}
