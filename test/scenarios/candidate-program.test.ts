import t from 'tap'
import type { Test } from 'tap'
import { toBytecode } from '../../src/firewall/bpf/program.js'
import { candidateProgram } from '../../src/firewall/bpf/candidate-program.js'
import { createNamespace, type Namespace } from '../../src/lab/namespace.js'
import { run } from '../../src/lab/run.js'
import { requiresKernel } from '../requires-kernel.js'

const get =
  'GET /.well-known/acme-challenge/evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA HTTP/1.1\r\nHost: example.com\r\n\r\n'
const head = get.replace('GET', 'HEAD')

/**
 * What a client writes, each piece in a segment of its own, and how many of all packets of the connection are
 * candidates.
 */
const connections: readonly (readonly [string, readonly string[], number])[] = [
  ['a whole request', [get], 1],
  ...[1, 2, 3, 4, 5, 7, 8, 16, 31, 32, 33, 60].map(
    (length) => [`a request split after ${length} bytes`, split(get, length), 1] as const,
  ),
  ['a request of which the first bytes come one at a time', split(get, 1, 2, 3, 4, 5, 6, 7, 8), 1],
  ['a HEAD request', [head], 1],
  ...[1, 3, 4, 5, 6, 32, 33].map(
    (length) => [`a HEAD request split after ${length} bytes`, split(head, length), 1] as const,
  ),
  ['two requests on one connection', [get, 'GET / HTTP/1.1\r\nHost: example.com\r\n\r\n', head], 2],
  ['an ordinary request', ['GET / HTTP/1.1\r\nHost: example.com\r\n\r\n'], 0],
  ['a challenge asked for by POST', [get.replace('GET', 'POST')], 0],
  ['a path that is almost a challenge', [get.replace('challenge/', 'challenge?')], 0],
  ['a connection without a request', [], 0],
]

t.test(
  'the kernel takes exactly the candidates out of the traffic of a connection',
  await requiresKernel(),
  async (t) => {
    const name = `cnfq-bpf-${process.pid}`
    t.teardown(() => run(['ip', 'netns', 'delete', name], { reject: false }))
    const namespace = await createNamespace(name, 'lo', { ipv4: '127.0.0.1', ipv6: '::1' })
    await t.test('IPv4', (t) =>
      countCandidates(t, namespace, 'iptables', namespace.addresses.ipv4, toBytecode(candidateProgram(4))),
    )
    await t.test('IPv6', (t) =>
      countCandidates(t, namespace, 'ip6tables', namespace.addresses.ipv6, toBytecode(candidateProgram(6))),
    )
  },
)

async function countCandidates(
  t: Test,
  namespace: Namespace,
  iptables: string,
  host: string,
  bytecode: string,
): Promise<void> {
  const mangle = async (...words: string[]): Promise<string> =>
    (await namespace.exec([iptables, '-w', '-t', 'mangle', ...words])).stdout
  // Two rules without a target, which only count: candidates, and all packets of the connection to prove that it was
  // seen.
  await mangle('-A', 'INPUT', '-p', 'tcp', '-m', 'bpf', '--bytecode', bytecode)
  await mangle('-A', 'INPUT', '-p', 'tcp')
  const listAndZero = ['-L', 'INPUT', '-v', '-n', '-x', '-Z']
  await mangle(...listAndZero)
  for (const [title, pieces, expected] of connections) {
    await namespace.exec([process.execPath, '--input-type=module', '-e', connection, '--', host, ...pieces])
    const [candidates, all] = firstNumbers(await mangle(...listAndZero))
    t.equal(candidates, expected, title)
    t.ok(all !== undefined && all >= 3 + pieces.length, `${title}: the handshake and all pieces were counted`)
  }
}

/** The first column of the lines that begin with a number: in a listing of rules, their packets. */
function firstNumbers(listing: string): number[] {
  return [...listing.matchAll(/^ *(\d+) /gm)].map(([, number]) => Number(number))
}

/**
 * A server and its client in one small program. The next piece is written when the one before has arrived, so none are
 * joined.
 */
const connection = `
  import { once } from 'node:events'
  import { connect, createServer } from 'node:net'
  const [host, ...pieces] = process.argv.slice(1)
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const client = connect({ host, port: server.address().port, noDelay: true })
  const [socket] = await accepted
  for (const piece of pieces) {
    const arrived = once(socket, 'data')
    client.write(piece)
    const [data] = await arrived
    if (data.toString() !== piece) throw new Error('the pieces were joined or torn')
  }
  client.destroy()
  socket.destroy()
  server.close()
`

function split(text: string, ...positions: readonly number[]): string[] {
  return [0, ...positions].map((position, index) => text.slice(position, positions[index]))
}
