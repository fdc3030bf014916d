import t from 'tap'
import { lookUp } from '../../src/network/names.js'
import { startDnsServer } from './dns-server.js'

t.test('A and AAAA of a name, or that it has none of a type', async (t) => {
  const resolver = await startDnsServer(t, {
    records: {
      'A both.test': ['192.0.2.1', '192.0.2.2'],
      'AAAA both.test': ['2001:0db8:0000:0000:0000:0000:0000:0001'],
      'A old.test': ['192.0.2.3'],
    },
  })
  t.strictSame(await lookUp('both.test', { resolver }), {
    name: 'both.test',
    4: { addresses: ['192.0.2.1', '192.0.2.2'] },
    6: { addresses: ['2001:db8::1'] },
  })
  t.strictSame(await lookUp('old.test', { resolver }), {
    name: 'old.test',
    4: { addresses: ['192.0.2.3'] },
    6: { addresses: [] },
  })
})

t.test(
  'a name that does not exist, a server that fails, one that is silent and one that is not there are told apart',
  async (t) => {
    const resolver = await startDnsServer(t, {
      records: { 'A broken.test': [] },
      silent: ['silent.test'],
      broken: ['broken.test'],
    })
    const error = async (name: string, server = resolver) => {
      const { 4: a, 6: aaaa } = await lookUp(name, { resolver: server, timeLimit: 200 })
      return ['error' in a && a.error, 'error' in aaaa && aaaa.error]
    }
    t.strictSame(await error('absent.test'), ['no such name', 'no such name'])
    t.strictSame(await error('broken.test'), ['server failure', 'server failure'])
    t.strictSame(await error('silent.test'), ['no answer', 'no answer'])
    t.strictSame(await error('absent.test', '127.0.0.1:1'), ['no answer', 'no answer'])
  },
)

t.test('an address stands for itself, and nobody is asked', async (t) => {
  t.strictSame(await lookUp('192.0.2.1'), { name: '192.0.2.1', 4: { addresses: ['192.0.2.1'] }, 6: { addresses: [] } })
  t.strictSame(await lookUp('2001:DB8:0::1'), {
    name: '2001:db8::1',
    4: { addresses: [] },
    6: { addresses: ['2001:db8::1'] },
  })
})

t.test('what is no address of a server is refused', async (t) => {
  await t.rejects(lookUp('a.test', { resolver: 'not an address' }), { code: 'ERR_INVALID_IP_ADDRESS' })
})
