/** The name servers that a host of ours may have on port 53, each with a zone, in a namespace of the lab. */
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Namespace, Service } from '../../src/lab/lab.js'
import type { Program } from '../../src/lab/programs.js'
import { waitForListener } from '../../src/lab/wait-for-listener.js'

/** A zone as RFC 1035, 5 writes it: its name with the dot at its end, and one record a line. */
export interface Zone {
  readonly name: string
  readonly records: readonly string[]
}

/** Where a name server runs, and what it serves. */
export interface NameServerOptions {
  readonly namespace: Namespace
  /** A directory for its files. */
  readonly directory: string
  /** Where it listens, at port 53. */
  readonly addresses: readonly string[]
  readonly zones: readonly Zone[]
}

/** The program of each name server. */
export const NAME_SERVERS = {
  bind: 'named',
  nsd: 'nsd',
  knot: 'knotd',
  powerdns: 'pdns_server',
  dnsmasq: 'dnsmasq',
} as const satisfies Record<string, Program>

/** A name server that the lab can start. */
export type NameServerName = keyof typeof NAME_SERVERS

/** Starts a name server, in the foreground and as root. Resolves when it listens. */
export async function startNameServer(name: NameServerName, options: NameServerOptions): Promise<Service> {
  const directory = await mkdtemp(join(options.directory, `${name}-`))
  await mkdir(join(directory, 'state'))
  const files = await Promise.all(
    options.zones.map(async (zone, at) => {
      const file = join(directory, `zone-${at}`)
      await writeFile(file, `$TTL 60\n$ORIGIN ${zone.name}\n${zone.records.join('\n')}\n`)
      return { name: zone.name, file, records: zone.records }
    }),
  )
  const { argv, configuration, more } = STARTS[name](directory, options.addresses, files)
  // PowerDNS has the file's name in two parts.
  const main = name === 'powerdns' ? 'pdns-lab.conf' : 'configuration'
  for (const { name, lines } of [{ name: main, lines: configuration }, ...(more ? [more] : [])])
    await writeFile(join(directory, name), `${lines.join('\n')}\n`)
  const service = options.namespace.spawn(argv)
  await waitForListener(service, 53)
  return service
}

interface ZoneFile extends Zone {
  readonly file: string
}

/** The command line of a name server, and its configuration file, which is `DIRECTORY/configuration`. */
interface Start {
  readonly argv: readonly string[]
  readonly configuration: readonly string[]
  /** One more file beside it. */
  readonly more?: { readonly name: string; readonly lines: readonly string[] }
}

const STARTS: Record<
  NameServerName,
  (directory: string, addresses: readonly string[], zones: readonly ZoneFile[]) => Start
> = {
  bind: (directory, addresses, zones) => ({
    argv: ['named', '-g', '-c', join(directory, 'configuration')],
    configuration: [
      `options {`,
      `directory "${directory}/state"; pid-file none; session-keyfile none; lock-file none; recursion no;`,
      `listen-on { ${addresses.filter(isIpv4).map(ended).join(' ') || 'none;'} };`,
      `listen-on-v6 { ${addresses.filter(isIpv6).map(ended).join(' ') || 'none;'} };`,
      `dnssec-validation no; notify no; };`,
      'controls { };',
      ...zones.map(({ name, file }) => `zone "${name}" { type primary; file "${file}"; };`),
    ],
  }),

  nsd: (directory, addresses, zones) => ({
    argv: ['nsd', '-d', '-c', join(directory, 'configuration')],
    configuration: [
      'server:',
      ...addresses.map((address) => ` ip-address: ${address}`),
      ...[' username: ""', ' chroot: ""', ` zonesdir: "${directory}"`, ` pidfile: "${directory}/pid"`],
      ...[` database: ""`, ` xfrdfile: "${directory}/xfrd"`, ` zonelistfile: "${directory}/zones"`],
      ...[
        ` xfrdir: "${directory}/state"`,
        ' server-count: 1',
        ' rrl-ratelimit: 0',
        'remote-control:',
        ' control-enable: no',
      ],
      ...zones.flatMap(({ name, file }) => ['zone:', ` name: "${name}"`, ` zonefile: "${file}"`]),
    ],
  }),

  knot: (directory, addresses, zones) => ({
    argv: ['knotd', '-c', join(directory, 'configuration')],
    configuration: [
      'server:',
      ...[` rundir: ${directory}/state`, ` listen: [ ${addresses.map((address) => `${address}@53`).join(', ')} ]`],
      // It has as many workers as the machine has processors, whatever else runs.
      ...[' udp-workers: 1', ' tcp-workers: 1', ' background-workers: 1'],
      ...['database:', ` storage: ${directory}/state`, 'template:', ' - id: default', '   semantic-checks: off'],
      ...['   zonefile-sync: -1', '   journal-content: none', 'zone:'],
      ...zones.flatMap(({ name, file }) => [` - domain: ${name}`, `   file: ${file}`]),
    ],
  }),

  powerdns: (directory, addresses, zones) => ({
    argv: ['pdns_server', `--config-dir=${directory}`, '--config-name=lab'],
    configuration: [
      ...['launch=bind', `bind-config=${directory}/zones`, `socket-dir=${directory}/state`, 'daemon=no', 'guardian=no'],
      ...[`local-address=${addresses.join(', ')}`, 'receiver-threads=1', 'zone-cache-refresh-interval=0'],
      ...['security-poll-suffix=', 'version-string=anonymous'],
    ],
    more: {
      name: 'zones',
      lines: zones.map(({ name, file }) => `zone "${name}" { type master; file "${file}"; };`),
    },
  }),

  // It takes no zone files, and knows no records but these. The SOA and NS records are its own.
  dnsmasq: (directory, addresses, zones) => ({
    argv: ['dnsmasq', '--keep-in-foreground', '--log-facility=-', `--conf-file=${directory}/configuration`],
    configuration: [
      ...['user=root', 'no-resolv', 'no-hosts', `pid-file=${directory}/pid`, 'bind-interfaces', 'auth-ttl=60'],
      ...addresses.map((address) => `listen-address=${address}`),
      `auth-server=ns1.${withoutDot(zones[0]?.name ?? '')},${addresses.join(',')}`,
      ...zones.map(({ name }) => `auth-zone=${withoutDot(name)},0.0.0.0/0,::/0`),
      ...zones.flatMap((zone) => zone.records.flatMap((record) => dnsmasqRecord(record, withoutDot(zone.name)))),
    ],
  }),
}

function dnsmasqRecord(record: string, zone: string): string[] {
  const [owner = '', type, ...data] = record.split(/\s+/)
  const name = owner === '@' ? zone : `${owner}.${zone}`
  if (type === 'A' || type === 'AAAA') return [`host-record=${name},${data.join('')}`]
  return type === 'TXT' ? [`txt-record=${name},${data.join(' ')}`] : []
}

function withoutDot(name: string): string {
  return name.replace(/\.$/, '')
}

function isIpv6(address: string): boolean {
  return address.includes(':')
}

function isIpv4(address: string): boolean {
  return !isIpv6(address)
}

function ended(address: string): string {
  return `${address};`
}
