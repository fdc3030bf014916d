/**
 * A reply by UDP that was longer than the link takes was never sent (EMSGSIZE), and one that was longer than a link
 * further on was dropped there, for it said "don't fragment".
 */
import { join } from 'node:path'
import t from 'tap'
import { request } from '../../src/control/client.js'
import { run } from '../../src/lab/run.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab } from '../scenarios/armed-lab.js'
import { startDnsServer } from '../scenarios/dns-server.js'

const name = '_acme-challenge.example.com'
const values = Array.from('abcdefghijkl', (letter) => letter.repeat(43))
const [shortest, short] = [552, 600]

t.test('a client gets every value, however little the links take', await requiresKernel('dig'), async (t) => {
  const lab = await openArmedLab(t, {
    noWebServer: true,
    prepare: async (server) => {
      await startDnsServer(server, 53)
    },
  })
  const responder = await lab.serve()
  for (const value of values)
    await request(join(lab.runDirectory, 'control'), {
      ...{ op: 'arm', type: 'dns-01', token: value, digest: value, identifier: 'example.com', port: 53, ttl: 3600 },
    })
  const { server, validator } = lab
  const ask = async (...words: string[]) => {
    const argv = ['dig', '+norecurse', '+tries=1', '+time=20', '+short', `@${server.addresses.ipv4}`, name, 'TXT']
    const { stdout } = await validator.exec([...argv, ...words])
    return [...stdout.matchAll(/^"(.*)"$/gm)].map(([, value]) => value)
  }
  const { device } = server
  const route = ['ip', '-n', server.name, 'route', 'change', '192.0.2.0/24', 'dev', device, 'mtu']

  t.strictSame(await ask('+ignore'), values, 'a datagram')
  // What the kernel learns by ICMP, it keeps as this.
  await run([...route, String(shortest)])
  t.strictSame(await ask('+ignore'), values, 'a datagram, whatever somebody says of the path')
  t.strictSame(await ask('+tcp'), values, 'segments, whatever somebody says of the path')
  await run([...route, '0'])
  await run(['ip', '-n', server.name, 'link', 'set', device, 'mtu', String(short)])
  t.strictSame(await ask('+ignore'), [], 'too long for the link: truncated')
  t.strictSame(await ask(), values, 'and all of it by TCP')
  t.notMatch(responder.output(), /could not be sent/)
})
