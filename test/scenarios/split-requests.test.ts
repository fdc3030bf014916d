import t from 'tap'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs } from './armed-lab.js'
import { challengeFor, requestFor } from './challenge.js'
import { trackNew } from './stateful-rules.js'
import { connectTcp } from './tcp-client.js'

const challenge = challengeFor('split')
const { request, reply } = challenge
const lineLength = request.indexOf('\r\n') + 2

for (const [tracking, options] of Object.entries({ on: { prepare: trackNew }, off: {} }))
  t.test(
    `a challenge is answered however its request is cut into segments, connection tracking ${tracking}`,
    await requiresKernel(...programs),
    async (t) => {
      const lab = await openArmedLab(t, options)
      await lab.arm(challenge)

      for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6]) {
        t.test(`a request in two segments, split at each byte of its first line (${address})`, async (t) => {
          for (let at = 1; at <= lineLength; at++) {
            const client = connectTcp(lab.validator, { address })
            client.write(request.slice(0, at))
            await client.acknowledged()
            client.write(request.slice(at))
            t.equal(await client.ended, reply, `split at ${at}`)
            await client.close()
          }
        })

        // What is not tracked is followed for two seconds, and hundreds of segments may take longer.
        if (tracking === 'on')
          t.test(`a request one byte at a time (${address})`, async (t) => {
            const client = connectTcp(lab.validator, { address })
            for (const byte of request) {
              client.write(byte)
              await client.acknowledged()
            }
            t.equal(await client.ended, reply)
            await client.close()
          })

        t.test(`a request head over several segments (${address})`, async (t) => {
          const client = connectTcp(lab.validator, { address })
          const head = requestFor('GET', challenge.path).replace(
            '\r\n\r\n',
            `\r\nX-Filler: ${'x'.repeat(4_000)}\r\n\r\n`,
          )
          for (let at = 0; at < head.length; at += 700) {
            t.equal(client.received(), '', 'no reply before the end of the head')
            client.write(head.slice(at, at + 700))
            await client.acknowledged()
          }
          t.equal(await client.ended, reply)
          await client.close()
        })
      }

      t.test('afterwards nothing is left', async (t) => {
        // The web server has had the first part of each, and may have logged it; its answer, had there been one, would
        // have come first.
        t.equal((await lab.cleanup(challenge)).exitCode, 0)
        t.same(await lab.leftovers(), [])
      })
    },
  )
