import { bringUp, createNamespace, type Addresses, type Namespace } from './namespace.js'

/** The port the server publishes, and where the traffic goes: a container engine's `-p 80:8080`. */
export const publishedPort = 80
/** The port in the container behind `publishedPort`. */
export const containerPort = 8080

const bridge = 'bridge0'
const gateway: Addresses = { ipv4: '198.51.100.1', ipv6: '2001:db8:1::1' }
const inside: Addresses = { ipv4: '198.51.100.2', ipv6: '2001:db8:1::2' }

/**
 * A namespace behind the server, as a container engine builds it: a bridge, forwarding, and a destination NAT of port
 * 80 of the server's own addresses to port 8080 of the container, for traffic from outside and from the server itself.
 */
export async function addContainer(server: Namespace, name: string): Promise<Namespace> {
  const container = await createNamespace(name, 'eth0', inside)
  const batch = [
    `link add ${bridge} type bridge`,
    `link add port0 type veth peer name ${container.device} netns ${name}`,
    `link set port0 addrgenmode none`,
    `link set port0 master ${bridge} up`,
  ]
  await server.exec(['ip', '-batch', '-'], { input: `${batch.join('\n')}\n` })
  await bringUp(name, container.device, inside)
  await bringUp(server.name, bridge, gateway)
  await container.exec(['ip', 'route', 'add', 'default', 'via', gateway.ipv4])
  await container.exec(['ip', 'route', 'add', 'default', 'via', gateway.ipv6])
  await server.exec([
    'sh',
    '-c',
    'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding',
  ])
  await publish(server, 'iptables', `${inside.ipv4}:${containerPort}`)
  await publish(server, 'ip6tables', `[${inside.ipv6}]:${containerPort}`)
  return container
}

async function publish(server: Namespace, iptables: 'iptables' | 'ip6tables', destination: string): Promise<void> {
  const loopback = iptables === 'iptables' ? '127.0.0.0/8' : '::1/128'
  for (const chain of ['PREROUTING', 'OUTPUT']) {
    const local = [
      '!',
      '-d',
      loopback,
      '-m',
      'addrtype',
      '--dst-type',
      'LOCAL',
      '-p',
      'tcp',
      '--dport',
      String(publishedPort),
    ]
    await server.exec([
      iptables,
      '-w',
      '-t',
      'nat',
      '-A',
      chain,
      ...local,
      '-j',
      'DNAT',
      '--to-destination',
      destination,
    ])
  }
}
