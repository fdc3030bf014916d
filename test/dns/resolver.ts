/** The resolver that a CA asks: unbound, set up as that of Let's Encrypt is known to be. */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Namespace, Service } from '../../src/lab/lab.js'
import { waitForListener } from '../../src/lab/wait-for-listener.js'

/** Where a resolver runs, and how it asks. */
export interface ResolverOptions {
  readonly namespace: Namespace
  /** A directory for its files. */
  readonly directory: string
  /** The addresses of the root's name server. */
  readonly root: readonly string[]
  /** The DS records of the root; without them nothing is validated. */
  readonly anchor?: readonly string[]
  /** Where it listens at port 53, besides {@link LOOPBACK_PORT} on loopback. */
  readonly address: string
  /** Whether it asks for one label after another (RFC 9156). Let's Encrypt's does not. */
  readonly isMinimising?: boolean
  /** Whether it asks by TCP alone. */
  readonly isTcpOnly?: boolean
}

/** Where it listens on loopback, for pebble. */
export const LOOPBACK_PORT = 5300

/** Starts the resolver. Resolves when it listens. */
export async function startResolver({
  namespace,
  root,
  anchor,
  address,
  ...options
}: ResolverOptions): Promise<Service> {
  const directory = await mkdtemp(join(options.directory, 'unbound-'))
  const file = (name: string) => join(directory, name)
  await writeFile(
    file('hints'),
    ['. 60 NS a.root.', ...root.map((one) => `a.root. 60 ${one.includes(':') ? 'AAAA' : 'A'} ${one}`), ''].join('\n'),
  )
  if (anchor) await writeFile(file('anchor'), `${anchor.join('\n')}\n`)
  const yes = (is: boolean | undefined) => (is ? 'yes' : 'no')
  const lines = [
    'server:',
    `interface: 127.0.0.1@${LOOPBACK_PORT}`,
    `interface: ${address}`,
    'access-control: 0.0.0.0/0 allow',
    'do-not-query-localhost: yes',
    ...['username: ""', 'chroot: ""', `directory: "${directory}"`, 'pidfile: ""', 'use-syslog: no'],
    ...['do-daemonize: no', 'num-threads: 1', 'verbosity: 1', `root-hints: "${file('hints')}"`],
    `module-config: "${anchor ? 'validator ' : ''}iterator"`,
    ...(anchor ? [`trust-anchor-file: "${file('anchor')}"`, 'val-clean-additional: yes'] : []),
    // What Let's Encrypt has told of its own.
    ...['use-caps-for-id: yes', 'edns-buffer-size: 1232', 'max-udp-size: 1232', 'harden-below-nxdomain: no'],
    ...['harden-dnssec-stripped: yes', 'cache-max-ttl: 0', 'cache-max-negative-ttl: 0'],
    `qname-minimisation: ${yes(options.isMinimising)}`,
    `tcp-upstream: ${yes(options.isTcpOnly)}`,
    'remote-control:',
    'control-enable: no',
  ]
  await writeFile(file('unbound.conf'), `${lines.join('\n')}\n`)
  const service = namespace.spawn(['unbound', '-d', '-p', '-c', file('unbound.conf')])
  await waitForListener(service, LOOPBACK_PORT)
  return service
}
