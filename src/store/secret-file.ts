/** The secret that every node of a fleet has, and other files that only root may read. */
import { closeSync, constants, fstatSync, openSync, readFileSync, writeSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { Failure, fileFailure } from '../failure.js'

/** 32 bytes in base64url, as `certbot-nfq store-secret` writes them. */
const SECRET = /^[A-Za-z0-9_-]{43}$/

/** Writes a new secret to a file that does not exist yet, with mode 0600. @throws Failure `store-secret` */
export function makeSecret(path: string): void {
  try {
    const file = openSync(path, 'wx', 0o600)
    try {
      writeSync(file, `${randomBytes(32).toString('base64url')}\n`)
    } finally {
      closeSync(file)
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST')
      throw new Failure('store-secret', `${path} is there already, and may be the secret of a fleet: it is kept`)
    throw fileFailure(`write ${path}`, cause)
  }
}

/** Returns the secret in a file. @throws Failure `store-secret` */
export function readSecret(path: string): Uint8Array {
  const text = readPrivate(path)
  if (!SECRET.test(text)) throw new Failure('store-secret', `${path} is not a secret that store-secret has made`)
  return Buffer.from(text, 'base64url')
}

/** Returns the password in a file, its first line. @throws Failure `store-secret` */
export function readPassword(path: string): string {
  const password = readPrivate(path)
  if (password === '') throw new Failure('store-secret', `${path} is empty`)
  return password
}

function readPrivate(path: string): string {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NOCTTY | constants.O_NONBLOCK)
    try {
      const found = fstatSync(file)
      if (!found.isFile() || found.size > 4_096) throw new Failure('store-secret', `${path} is not a small file`)
      // Whoever may write to it could put a secret of theirs there.
      if ((found.mode & 0o077) !== 0) throw new Failure('store-secret', `others may read or write ${path}`)
      if (![0, process.geteuid?.()].includes(found.uid))
        throw new Failure('store-secret', `${path} belongs to another user (id ${found.uid})`)
      return (readFileSync(file, 'utf8').split('\n', 1)[0] ?? '').trim()
    } finally {
      closeSync(file)
    }
  } catch (cause) {
    if (cause instanceof Failure) throw cause
    throw new Failure('store-secret', `cannot read ${path}: ${(cause as Error).message}`, { cause })
  }
}
