/** Unix datagram sockets (unix(7)), which Node does not have. */
import { existsSync } from 'node:fs'
import { endianness, constants } from 'node:os'
import { loadLibc, type Libc } from './libc.js'

/** Sends one datagram, or loses it when the listener is slow or gone. Returns whether it was sent. */
export type SendDatagram = (bytes: Uint8Array) => boolean

const AF_UNIX = 1
const SOCK_DGRAM = 2
const SOCK_CLOEXEC = 0o2000000
const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000

/** The length of sun_path (unix(7)) without its final zero byte. */
const MAX_PATH = 107

/**
 * Connects to the socket at `path`. Returns `undefined` when nobody listens there. A listener that comes back at the
 * same path is found again, as long as this process may enter its directory.
 * @throws Failure `native-module`
 */
export async function connectDatagram(path: string): Promise<SendDatagram | undefined> {
  // Mostly there is none. Then koffi is not loaded.
  if (!existsSync(path) || Buffer.byteLength(path) > MAX_PATH) return undefined
  const libc = await loadLibc()
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
  if (fd < 0) return undefined
  const address = sockaddr(path)
  if (libc.connect(fd, address, address.length) !== 0) {
    libc.close(fd)
    return undefined
  }
  return (bytes) => {
    if (send(libc, fd, bytes)) return true
    const isGone = [constants.errno.ECONNREFUSED, constants.errno.ENOTCONN].includes(libc.errno())
    return isGone && libc.connect(fd, address, address.length) === 0 && send(libc, fd, bytes)
  }
}

function send(libc: Libc, fd: number, bytes: Uint8Array): boolean {
  return libc.send(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0
}

/** sockaddr_un: family (2, host order), path, zero byte. */
function sockaddr(path: string): Uint8Array {
  const name = Buffer.from(path)
  const bytes = new Uint8Array(2 + name.length + 1)
  new DataView(bytes.buffer).setUint16(0, AF_UNIX, endianness() === 'LE')
  bytes.set(name, 2)
  return bytes
}
