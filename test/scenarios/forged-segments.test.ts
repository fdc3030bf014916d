import t from 'tap'
import type { Test } from 'tap'
import { foldChecksum, sumWords } from '../../src/wire/checksum.js'
import { seqAdd } from '../../src/wire/sequence.js'
import { ACK, FIN, hasValidChecksum, PSH, RST, type TcpSegment } from '../../src/wire/tcp.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs, type ArmedLab } from './armed-lab.js'
import { challengeFor } from './challenge.js'
import type { Seen } from './packet-socket.js'
import { openRawHost } from './raw-client.js'

const challenge = challengeFor('forged')
const { request, reply } = challenge

t.test(
  'every segment of a connection taken over is one of ours, and correct',
  await requiresKernel(...programs),
  async (t) => {
    const lab = await openArmedLab(t)
    const host = await openRawHost(t, lab)
    await lab.arm(challenge)

    for (const version of [4, 6] as const) {
      for (const timestamps of [true, false]) {
        const kind = `IPv${version}, ${timestamps ? 'with' : 'without'} timestamps`

        t.test(`a conversation from request to close: ${kind}`, async (t) => {
          const before = await serverState(lab)
          const client = await host.connect(version, { timestamps })
          const asked = client.send(PSH | ACK, request)
          const answer = await client.receive(2)
          check(t, answer, asked, {
            flags: PSH | ACK | FIN,
            sequence: asked.acknowledgment,
            acknowledgment: client.sequence,
          })
          t.equal(text(answer), reply)
          t.equal(answer.segment.timestamps !== undefined, timestamps, 'timestamps as negotiated')

          client.acknowledgment = seqAdd(client.acknowledgment, reply.length + 1)
          if (client.timestamps)
            client.timestamps = { ...client.timestamps, echo: answer.segment.timestamps?.value ?? 0 }
          client.send(ACK)
          const closing = client.send(FIN | ACK)
          check(t, await client.receive(3), closing, {
            flags: ACK,
            sequence: client.acknowledgment,
            acknowledgment: client.sequence,
          })

          // What repeats is answered, and nothing but that was sent: the server's kernel had its say only once, for the
          // SYN.
          client.send(FIN | ACK, '', { again: true, sequence: seqAdd(client.sequence, -1) })
          check(t, await client.receive(4), undefined, {
            flags: ACK,
            sequence: client.acknowledgment,
            acknowledgment: client.sequence,
          })
          const after = await serverState(lab)
          t.equal(
            after.replies - before.replies,
            client.received().length - 1,
            'as many packets as the responder says it sent',
          )
          t.equal(after.resets - before.resets, 1, 'the server’s kernel took the RST as genuine')
          t.equal(after.challenged - before.challenged, 0, 'and answered none with a challenge ACK (RFC 5961)')
          t.notOk(after.ports.includes(client.port), 'the server has no socket for it any more')
        })

        t.test(`a request in three segments, of which the last completes the line: ${kind}`, async (t) => {
          const before = await serverState(lab)
          const client = await host.connect(version, { timestamps })
          await client.deliver(request.slice(0, 10))
          await client.deliver(request.slice(10, 50))
          const count = client.received().length
          const asked = client.send(PSH | ACK, request.slice(50))
          const answer = await client.receive(count + 1)
          check(t, answer, asked, {
            flags: PSH | ACK | FIN,
            sequence: asked.acknowledgment,
            acknowledgment: client.sequence,
          })
          t.equal(text(answer), reply)
          client.send(RST | ACK)
          const after = await serverState(lab)
          t.equal(after.resets - before.resets, 1, 'the RST stands where the server’s kernel waits')
          t.equal(after.challenged - before.challenged, 0)
        })

        t.test(`the head after the request line is acknowledged piece by piece: ${kind}`, async (t) => {
          const client = await host.connect(version, { timestamps })
          const cuts = [request.indexOf('\r\n') + 2, request.indexOf('User'), request.length - 3, request.length]
          let count = 1
          let from = 0
          for (const cut of cuts) {
            const sent = client.send(PSH | ACK, request.slice(from, cut))
            const isLast = cut === request.length
            const flags = isLast ? PSH | ACK | FIN : ACK
            const got = await client.receive(++count)
            check(t, got, sent, { flags, sequence: client.acknowledgment, acknowledgment: client.sequence })
            t.equal(text(got), isLast ? reply : '')
            from = cut
          }
          client.send(RST | ACK)
        })

        t.test(`a repeated request gets the same bytes again, and so does silence: ${kind}`, async (t) => {
          const client = await host.connect(version, { timestamps })
          const start = client.sequence
          client.send(PSH | ACK, request)
          const first = await client.receive(2)
          const repeated = client.send(PSH | ACK, request, { again: true, sequence: start })
          const second = await client.receive(3)
          check(t, second, repeated, {
            flags: first.segment.flags,
            sequence: first.segment.sequence,
            acknowledgment: client.sequence,
          })
          t.equal(text(second), reply)
          const third = await client.receive(4)
          check(t, third, repeated, {
            flags: first.segment.flags,
            sequence: first.segment.sequence,
            acknowledgment: client.sequence,
          })
          t.equal(text(third), reply, 'sent again without being asked')
          client.send(RST | ACK)
        })

        t.test(`segments out of order and twice over: ${kind}`, async (t) => {
          const client = await host.connect(version, { timestamps })
          const start = client.sequence
          const line = request.indexOf('\r\n') + 2
          const [first, middle, last] = [
            request.slice(0, line),
            request.slice(line, line + 20),
            request.slice(line + 20),
          ]
          client.send(PSH | ACK, first)
          await client.receive(2)
          client.send(PSH | ACK, last, { again: true, sequence: seqAdd(start, line + 20) })
          t.equal((await client.receive(3)).segment.acknowledgment, seqAdd(start, line), 'a gap is not acknowledged')
          client.send(PSH | ACK, middle)
          t.equal((await client.receive(4)).segment.acknowledgment, seqAdd(start, line + 20))
          client.send(PSH | ACK, last)
          t.equal(text(await client.receive(5)), reply)
          client.send(RST | ACK)
        })
      }
    }

    t.test('nginx noted resets and no request', async (t) => {
      const { counts } = await lab.running()
      t.equal(counts['unsent'], 0)
      t.equal(counts['faults'], 0)
      t.match(lab.webServer.errorLog(), /\[info\].*Connection reset by peer/)
      t.equal((await lab.cleanup(challenge)).exitCode, 0)
      t.same(await lab.challengesAtWebServer(), [])
      t.same(await lab.leftovers(), [])
    })
  },
)

type Expected = Pick<TcpSegment, 'flags' | 'sequence' | 'acknowledgment'>

/** Headers, both checksums, window and timestamps; `last` is the newest segment of the client's. */
function check(t: Test, { ip, bytes, segment }: Seen, last: TcpSegment | undefined, expected: Expected): void {
  const { flags, sequence, acknowledgment } = segment
  t.same({ flags, sequence, acknowledgment }, expected, 'flags and numbers')
  t.ok(hasValidChecksum(ip, ip.payload), 'TCP checksum')
  if (ip.version === 4) t.equal(foldChecksum(sumWords(bytes, 0, ip.headerLength)), 0, 'IPv4 header checksum')
  t.ok(segment.window > 0, 'window')
  if (last?.timestamps)
    t.same(segment.timestamps, { value: last.timestamps.echo, echo: last.timestamps.value }, 'timestamps')
  else if (last) t.equal(segment.timestamps, undefined, 'no timestamps')
}

function text({ segment }: Seen): string {
  return Buffer.from(segment.payload).toString('latin1')
}

interface ServerState {
  /** Packets the responder has sent. */
  readonly replies: number
  /** Established connections of the server's kernel that ended by a RST (RFC 4022, tcpEstabResets). */
  readonly resets: number
  /** Challenge ACKs it has sent (RFC 5961). */
  readonly challenged: number
  /** Client ports of its sockets, in whatever state. */
  readonly ports: readonly number[]
}

async function serverState(lab: ArmedLab): Promise<ServerState> {
  const { counts } = await lab.running()
  const { stdout } = await lab.server.exec([
    'cat',
    '/proc/net/snmp',
    '/proc/net/netstat',
    '/proc/net/tcp',
    '/proc/net/tcp6',
  ])
  const lines = stdout.split('\n').map((line) => line.trim().split(/\s+/))
  const counter = (name: string) => {
    const at = lines.findIndex((words) => words.includes(name))
    return Number(lines[at + 1]?.[lines[at]?.indexOf(name) ?? -1])
  }
  const ports = lines.flatMap(([number, , remote]) =>
    /^\d+:$/.test(number ?? '') ? [parseInt(remote?.split(':')[1] ?? '', 16)] : [],
  )
  return {
    replies: counts['replies'] ?? 0,
    resets: counter('EstabResets'),
    challenged: counter('TCPChallengeACK'),
    ports,
  }
}
