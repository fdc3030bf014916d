import t from 'tap'
import type { Test } from 'tap'
import { seqAdd, seqDiff } from '../../src/wire/sequence.js'
import { ACK, FIN, hasValidChecksum, RST, SYN } from '../../src/wire/tcp.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs, type ArmedLab } from './armed-lab.js'
import { challengeFor, type Challenge } from './challenge.js'
import { hardwareAddress, openPacketSocket, type PacketSocket, type Seen } from './packet-socket.js'
import { soon } from './soon.js'
import { trackInvalid } from './stateful-rules.js'
import { connectTcp, exchange, type Target } from './tcp-client.js'

const challenge = challengeFor('captured')

t.test(
  'what the kernel of a validator gets is one clean conversation',
  await requiresKernel(...programs, 'curl'),
  async (t) => {
    const settings = [
      ['a local server', {}],
      ['a local server, with connection tracking', { prepare: trackInvalid }],
      ['a port that is published from a container', { container: true }],
    ] as const
    for (const [title, options] of settings) {
      t.test(title, async (t) => {
        const lab = await openArmedLab(t, options)
        const cable = await openCable(t, lab)
        await lab.arm(challenge)
        for (const timestamps of ['1', '0']) {
          await lab.validator.exec(['sh', '-c', `echo ${timestamps} >/proc/sys/net/ipv4/tcp_timestamps`])
          for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6]) {
            await t.test(`${address}, timestamps ${timestamps === '1' ? 'on' : 'off'}`, async (t) => {
              const client = connectTcp(lab.validator, { address })
              client.write(challenge.request)
              t.equal(await client.ended, challenge.reply)
              client.halfClose()
              await soon(() => isClosed(cable, client.port), 'the last acknowledgment')
              await client.close()
              checkConversation(t, cable, client.port, challenge, timestamps === '1')
            })
          }
        }
        await t.test('a client program is content', async (t) => {
          for (const host of [lab.server.addresses.ipv4, `[${lab.server.addresses.ipv6}]`]) {
            const { exitCode, stdout } = await lab.validator.exec(
              ['curl', '-sS', '-m', '10', `http://${host}${challenge.path}`],
              { reject: false },
            )
            t.same({ exitCode, stdout }, { exitCode: 0, stdout: challenge.keyAuthorization })
          }
        })
        t.equal((await lab.running()).counts['unsent'], 0)
        t.equal((await lab.cleanup(challenge)).exitCode, 0)
        t.same(await lab.leftovers(), [])
      })
    }

    t.test('a request, a reply and a FIN that are lost are repeated', async (t) => {
      const lab = await openArmedLab(t)
      const cable = await openCable(t, lab)
      await lab.arm(challenge)
      for (const [program, version] of [
        ['iptables', 'ipv4'],
        ['ip6tables', 'ipv6'],
      ] as const) {
        // Counted from 0: the first packet with data is lost on its way out, the first two are on their way in.
        const lose = (chain: string, port: string, each: readonly string[]) =>
          lab.validator.exec([
            program,
            '-w',
            '-A',
            chain,
            '-p',
            'tcp',
            port,
            '80',
            ...each,
            '-m',
            'statistic',
            '--mode',
            'nth',
            '--every',
            '1000',
            '--packet',
            '0',
            '-j',
            'DROP',
          ])
        await lose('OUTPUT', '--dport', ['--tcp-flags', 'PSH', 'PSH'])
        await lose('OUTPUT', '--dport', ['--tcp-flags', 'FIN', 'FIN'])
        await lose('INPUT', '--sport', ['--tcp-flags', 'PSH', 'PSH'])
        await lose('INPUT', '--sport', ['--tcp-flags', 'PSH', 'PSH'])
        const target: Target = { address: lab.server.addresses[version] }
        t.equal(await exchange(lab.validator, target, challenge.request), challenge.reply, version)
        const replies = () =>
          cable.seen.filter(
            ({ ip, segment }) =>
              segment.sourcePort === 80 && segment.payload.length > 0 && ip.version === (version === 'ipv4' ? 4 : 6),
          )
        await soon(() => replies().length >= 3, 'two replies that are lost, and a third')
        t.equal(
          new Set(replies().map(({ segment }) => `${segment.sequence} ${Buffer.from(segment.payload).toString()}`))
            .size,
          1,
          'the same bytes each time',
        )
      }
      t.equal((await lab.cleanup(challenge)).exitCode, 0)
      t.same(await lab.challengesAtWebServer(), [])
      t.same(await lab.leftovers(), [])
    })
  },
)

async function openCable(t: Test, { server, validator }: ArmedLab): Promise<PacketSocket> {
  return openPacketSocket(t, validator, validator.device, await hardwareAddress(server, server.device))
}

/** Both sides of the connection of that client port, in the order in which they passed the client's interface. */
function conversation(cable: PacketSocket, port: number): { fromClient: Seen[]; fromServer: Seen[] } {
  return {
    fromClient: cable.seen.filter(({ segment }) => segment.sourcePort === port),
    fromServer: cable.seen.filter(({ segment }) => segment.destinationPort === port),
  }
}

function isClosed(cable: PacketSocket, port: number): boolean {
  const { fromClient, fromServer } = conversation(cable, port)
  const fin = fromClient.find(({ segment }) => segment.flags & FIN)
  return (
    fin !== undefined &&
    fromServer.some(
      ({ segment }) => segment.acknowledgment === seqAdd(fin.segment.sequence, fin.segment.payload.length + 1),
    )
  )
}

/** After the handshake, nothing comes from the server's side but our reply with FIN and our acknowledgments. */
function checkConversation(
  t: Test,
  cable: PacketSocket,
  port: number,
  { request, reply }: Challenge,
  hasTimestamps: boolean,
): void {
  const { fromClient, fromServer } = conversation(cable, port)
  const [synAck, ...forged] = fromServer
  const [syn] = fromClient
  t.equal(synAck?.segment.flags, SYN | ACK)
  t.equal(synAck?.segment.timestamps !== undefined, hasTimestamps, 'timestamps as negotiated')
  const start = seqAdd(synAck?.segment.sequence ?? 0, 1)
  const clientStart = seqAdd(syn?.segment.sequence ?? 0, 1)
  const clientEnd = seqAdd(clientStart, request.length + 1)
  t.ok(forged.length >= 2, 'a reply and the acknowledgment of the client’s FIN')
  for (const { ip, segment } of forged) {
    const { flags, sequence, acknowledgment, window, payload, timestamps } = segment
    t.ok(hasValidChecksum(ip, ip.payload), 'the checksum is right')
    t.notOk(flags & (RST | SYN), 'no reset')
    t.ok(flags & ACK, 'it acknowledges')
    t.ok(window > 0, 'the window is open')
    const isReply = payload.length > 0
    t.equal(sequence, isReply ? start : seqAdd(start, reply.length + 1), 'the sequence number follows the server’s')
    if (isReply) t.equal(Buffer.from(payload).toString('latin1'), reply)
    t.equal((flags & FIN) !== 0, isReply, 'the FIN comes with the reply')
    const acknowledged = seqDiff(acknowledgment, clientStart)
    t.ok(
      acknowledged === request.length || acknowledgment === clientEnd,
      'it acknowledges the whole request, or the FIN too',
    )
    t.equal(
      timestamps !== undefined,
      hasTimestamps,
      'timestamps on every segment of such a connection, and on none of another',
    )
    if (timestamps) {
      t.ok(
        fromClient.some(({ segment }) => segment.timestamps?.value === timestamps.echo),
        'TSecr is a TSval of the client’s',
      )
      t.ok(
        fromClient.some(({ segment }) => segment.timestamps?.echo === timestamps.value),
        'TSval is a TSecr of the client’s',
      )
    }
  }
  t.notOk(
    fromClient.some(({ segment }) => segment.flags & RST),
    'the client’s kernel had nothing to object to',
  )
}
