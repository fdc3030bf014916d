import { processesIn, type ProcessInfo } from './processes.js'
import { run, type Finished, type RunOptions } from './run.js'
import { startService, type Service, type ServiceOptions } from './service.js'

/** The addresses of one end of a lab's link, without prefix length. */
export interface Addresses {
  readonly ipv4: string
  readonly ipv6: string
}

/**
 * A network namespace of a lab, and the programs in it. Only the network is its own: files and processes are the
 * machine's.
 */
export interface Namespace {
  /** Its name for `ip netns`. */
  readonly name: string
  /** Its addresses on `device`, in a /24 and a /64 whose other addresses are free for use. */
  readonly addresses: Addresses
  /** The interface that leads to the other namespace. */
  readonly device: string
  /** Runs a program to its end; a failure throws unless `reject` is false. */
  exec(argv: readonly string[], options?: RunOptions): Promise<Finished>
  /** Starts a program that goes on running; the lab ends it on closing. */
  spawn(argv: readonly string[], options?: ServiceOptions): Service
  /** Gives `device` a further address, usable at once. */
  addAddress(address: string): Promise<void>
  /** Every process in it now, also those that detached themselves from whoever started them. */
  processes(): Promise<ProcessInfo[]>
}

/** Makes the namespace, with its loopback interface up; the link is laid afterwards. */
export async function createNamespace(name: string, device: string, addresses: Addresses): Promise<Namespace> {
  await run(['ip', 'netns', 'add', name])
  await run(['ip', '-n', name, 'link', 'set', 'lo', 'up'])
  // nsenter, unlike `ip netns exec`, leaves the mounts alone and so differs in nothing but the network.
  // What a test runner loads into every Node below itself is not meant for the machines in a lab.
  const enter = (argv: readonly string[]): string[] => [
    'env',
    '-u',
    'NODE_OPTIONS',
    'nsenter',
    `--net=/run/netns/${name}`,
    '--',
    ...argv,
  ]
  return {
    name,
    addresses,
    device,
    exec: (argv, options) => run(enter(argv), options),
    spawn: (argv, options) => startService(enter(argv), options),
    addAddress: (address) => addAddress(name, device, address),
    processes: () => processesIn(name),
  }
}

/** Lays a virtual Ethernet cable between two namespaces and gives both ends their addresses. */
export async function connect(one: Namespace, other: Namespace): Promise<void> {
  await run([
    'ip',
    '-n',
    one.name,
    'link',
    'add',
    one.device,
    'type',
    'veth',
    'peer',
    'name',
    other.device,
    'netns',
    other.name,
  ])
  for (const { name, device, addresses } of [one, other]) await bringUp(name, device, addresses)
}

/** Brings an interface up with both its addresses. */
export async function bringUp(namespace: string, device: string, { ipv4, ipv6 }: Addresses): Promise<void> {
  // The kernel's own link-local address takes a second of duplicate address detection. One is needed: a machine that
  // forwards uses it as source when it asks for its neighbours.
  await run(['ip', '-n', namespace, 'link', 'set', device, 'addrgenmode', 'none'])
  await run(['ip', '-n', namespace, 'link', 'set', device, 'up'])
  for (const address of [ipv4, ipv6, ipv6.replace(/^.*::/, 'fe80::')]) await addAddress(namespace, device, address)
}

async function addAddress(namespace: string, device: string, address: string): Promise<void> {
  // `nodad`: an IPv6 address is usable at once.
  const words = address.includes(':') ? [`${address}/64`, 'dev', device, 'nodad'] : [`${address}/24`, 'dev', device]
  await run(['ip', '-n', namespace, 'address', 'add', ...words])
}
