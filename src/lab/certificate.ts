import { run } from './run.js'

/** What openssl reads in a certificate. */
export interface Certificate {
  /** The DNS names among the subject alternative names, in order. */
  readonly names: readonly string[]
  /** The IP addresses among them, as openssl writes them. */
  readonly addresses: readonly string[]
  /** Hexadecimal; differs between any two certificates of a CA. */
  readonly serial: string
  readonly issuer: string
  /** As openssl prints them: `Nov 20 09:14:00 2026 GMT`. */
  readonly notBefore: string
  readonly notAfter: string
}

/** Reads the first certificate of a PEM file with `openssl x509`. Rejects when there is none. */
export async function readCertificate(path: string): Promise<Certificate> {
  const fields = ['-serial', '-issuer', '-startdate', '-enddate', '-ext', 'subjectAltName']
  const { stdout } = await run(['openssl', 'x509', '-in', path, '-noout', ...fields])
  const field = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(stdout)?.[1]?.trim() ?? ''
  return {
    names: [...stdout.matchAll(/DNS:([^,\s]+)/g)].map((match) => match[1] ?? ''),
    addresses: [...stdout.matchAll(/IP Address:([^,\s]+)/g)].map((match) => match[1] ?? ''),
    serial: field('serial'),
    issuer: field('issuer'),
    notBefore: field('notBefore'),
    notAfter: field('notAfter'),
  }
}
