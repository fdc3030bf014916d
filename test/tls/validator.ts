import { createHash } from 'node:crypto'
import type { Finished, Namespace } from '../../src/lab/lab.js'
import { inRepository } from '../../src/lab/repository.js'

/** A challenge of tls-alpn-01 as uacme has it. */
export interface TlsChallenge {
  readonly identifier: string
  readonly token: string
  readonly digest: string
}

/** Returns a challenge of its own for a name or an address. */
export function tlsChallengeFor(identifier: string): TlsChallenge {
  const digestOf = (text: string) => createHash('sha256').update(text).digest('base64url')
  return { identifier, token: digestOf(`token of ${identifier}`), digest: digestOf(identifier) }
}

/** Calls the hook of uacme with these options; a failure is a result. */
export function callHook(
  server: Namespace,
  method: 'begin' | 'done' | 'failed',
  { identifier, token, digest }: TlsChallenge,
  ...options: readonly string[]
): Promise<Finished> {
  const words = [inRepository('hooks/uacme'), '--challenge', 'tls-alpn-01', ...options]
  return server.exec([...words, method, 'tls-alpn-01', identifier, token, digest], { reject: false })
}

/**
 * Does what a validator does (RFC 8737, 3): a handshake for the name, by this address. Returns the names of the
 * certificate, or the error, and whether the digest of the challenge is in the certificate.
 */
export async function validate(
  validator: Namespace,
  address: string,
  serverName: string,
  { digest }: TlsChallenge,
): Promise<string> {
  const node = [process.execPath, '--input-type=module', '-e', PROGRAM, address, serverName, digest]
  return (await validator.exec(node, { timeout: 60_000 })).stdout.trim()
}

const PROGRAM = `
  import { connect } from 'node:tls'
  const [, host, servername, digest] = process.argv
  const socket = connect({ host, port: 443, servername, ALPNProtocols: ['acme-tls/1'], rejectUnauthorized: false })
  socket.on('error', ({ code }) => { console.log(code); process.exit() })
  socket.on('secureConnect', () => {
    const { subjectaltname, raw } = socket.getPeerCertificate()
    const extension = Buffer.concat([
      Buffer.from('06082b0601050507011f0101ff04220420', 'hex'),
      Buffer.from(digest, 'base64url'),
    ])
    console.log(subjectaltname + ', ' + (raw.includes(extension) ? 'with the digest' : 'without the digest'))
    socket.resume().end()
  })
`
