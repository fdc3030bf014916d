import { run } from './run.js'

/** Debian's and Ubuntu's package for each program of the lab. */
export const packageOf = {
  'ip': 'iproute2',
  'nsenter': 'util-linux',
  'unshare': 'util-linux',
  'iptables': 'iptables',
  'ip6tables': 'iptables',
  'nft': 'nftables',
  'bash': 'bash',
  'nginx': 'nginx-light',
  'certbot': 'certbot',
  'pebble': 'pebble',
  'pebble-challtestsrv': 'pebble',
  'openssl': 'openssl',
  'tcpdump': 'tcpdump',
  'curl': 'curl',
  'conntrack': 'conntrack',
  'redis-server': 'redis-server',
  'redis-sentinel': 'redis-sentinel',
  'redis-cli': 'redis-tools',
  'acme-tiny': 'acme-tiny',
  'dehydrated': 'dehydrated',
  'uacme': 'uacme',
  'acmetool': 'acmetool',
  'lego': 'lego',
  'named': 'bind9',
  'dnssec-signzone': 'bind9-utils',
  'dig': 'bind9-dnsutils',
  'nsd': 'nsd',
  'knotd': 'knot',
  'pdns_server': 'pdns-server',
  'dnsmasq': 'dnsmasq-base',
  'unbound': 'unbound',
  'dnsperf': 'dnsperf',
} as const

/** A program the lab can need. */
export type Program = keyof typeof packageOf

/**
 * Returns in words which of the programs cannot be found on PATH, each with the package to install; undefined when all
 * are there.
 */
export async function missingPrograms(programs: readonly Program[]): Promise<string | undefined> {
  const { stdout } = await run([
    'sh',
    '-c',
    'for p; do command -v "$p" >/dev/null || echo "$p"; done',
    'sh',
    ...programs,
  ])
  const missing = programs.filter((program) => stdout.split('\n').includes(program))
  if (missing.length === 0) return undefined
  const packages = [...new Set(missing.map((program) => packageOf[program]))]
  return `not installed: ${missing.join(', ')} (apt-get install ${packages.join(' ')})`
}
