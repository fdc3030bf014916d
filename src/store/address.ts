/**
 * Where a store is, from a URL. Pure.
 *
 *     redis://[USER@]HOST[:PORT][/DATABASE]                    one server; rediss:// by TLS
 *     redis+sentinel://[USER@]HOST[:PORT],HOST[:PORT]…/NAME    the primary of that name, as the Sentinels know it
 *     redis+cluster://[USER@]HOST[:PORT],HOST[:PORT]…          a cluster
 */
import { Failure } from '../failure.js'

/** A machine and a port. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** Where a store is, and as whom. */
export interface StoreAddress {
  readonly kind: 'single' | 'sentinel' | 'cluster'
  readonly isTls: boolean
  readonly endpoints: readonly Endpoint[]
  readonly user: string | undefined
  readonly password: string | undefined
  /** Of a single server. */
  readonly database: number
  /** What the Sentinels call the primary; empty for others. */
  readonly primary: string
}

const FORM = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/]*)@)?([^@/?#]+)(?:\/([^/?#]*))?$/

/** Ports of Redis and of Sentinel. */
const PORTS = { single: 6379, cluster: 6379, sentinel: 26379 } as const

/** Reads a URL. @throws Failure `store-address` */
export function readStoreAddress(url: string): StoreAddress {
  const [, scheme, variant, login = '', hosts = '', path = ''] = FORM.exec(url) ?? []
  const kind = scheme === undefined ? undefined : ((variant ?? 'single') as StoreAddress['kind'])
  if (!kind)
    throw malformed('must be redis://HOST, rediss://HOST, redis+sentinel://HOST,HOST/NAME or redis+cluster://HOST')
  if (kind === 'sentinel' && path === '')
    throw malformed('must end with the name that the Sentinels have for the primary')
  if (kind === 'cluster' && path !== '') throw malformed('must end after the hosts: a cluster has one database')
  if (kind === 'single' && !/^\d{0,5}$/.test(path)) throw malformed('must end with the number of a database')
  const endpoints = hosts.split(',').map((text) => readEndpoint(text, PORTS[kind]))
  if (kind === 'single' && endpoints.length > 1)
    throw malformed('must name one server, or be redis+sentinel or redis+cluster')
  const [user = '', password] = login.split(/:(.*)/s).map(decode)
  return {
    kind,
    isTls: scheme === 'rediss',
    endpoints,
    user: user === '' ? undefined : user,
    password: password === undefined || password === '' ? undefined : password,
    database: kind === 'single' ? Number(path) : 0,
    primary: kind === 'sentinel' ? decode(path) : '',
  }
}

/** Returns an address for people. It has neither user nor password. */
export function describeAddress({ kind, isTls, endpoints, primary }: StoreAddress): string {
  const hosts = endpoints.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join()
  const variant = kind === 'single' ? '' : `+${kind}`
  return `${isTls ? 'rediss' : 'redis'}${variant}://${hosts}${primary === '' ? '' : `/${primary}`}`
}

function readEndpoint(text: string, standard: number): Endpoint {
  const [, bracketed, name, digits] = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = bracketed ?? name
  const port = digits === undefined ? standard : Number(digits)
  if (host === undefined || port < 1 || port > 65535) throw malformed('has a host or port that is none')
  return { host, port }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw malformed('has a % that no two hexadecimal digits follow')
  }
}

/** It does not repeat the URL, which may have a password in it. */
function malformed(what: string): Failure {
  return new Failure('store-address', `the URL of --store ${what}`)
}
