import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { connectDatagram } from '../../src/kernel/datagram-socket.js'
import { temporaryDirectory } from '../temporary-directory.js'
import { listenForDatagrams } from './datagram-listener.js'

const bytes = Buffer.from('one datagram\n')

t.test('what is sent arrives, each as one datagram', async (t) => {
  const path = join(temporaryDirectory(t), 'socket')
  const listener = await listenForDatagrams(t, path)
  const send = await connectDatagram(path)
  t.strictSame([send?.(bytes), send?.(Buffer.alloc(20_000, 7))], [true, true])
  t.strictSame(await listener.received(2), [bytes, Buffer.alloc(20_000, 7)])
})

t.test(
  'nobody there is no failure: no file, one that is no socket, a socket nobody has, a path too long',
  async (t) => {
    const directory = temporaryDirectory(t)
    t.equal(await connectDatagram(join(directory, 'absent')), undefined)
    writeFileSync(join(directory, 'file'), '')
    t.equal(await connectDatagram(join(directory, 'file')), undefined)
    const stale = join(directory, 'stale')
    await (await listenForDatagrams(t, stale)).stop()
    t.equal(await connectDatagram(stale), undefined)
    t.equal(await connectDatagram(`/${'./'.repeat(60)}${directory}`), undefined)
  },
)

t.test('a listener that goes away loses datagrams, and gets them again once it is back', async (t) => {
  const path = join(temporaryDirectory(t), 'socket')
  const first = await listenForDatagrams(t, path)
  const send = await connectDatagram(path)
  await first.stop()
  t.equal(send?.(bytes), false)
  const second = await listenForDatagrams(t, path)
  t.equal(send?.(bytes), true)
  t.strictSame(await second.received(1), [bytes])
})

t.test('a listener that does not read loses datagrams, and nobody waits for it', async (t) => {
  const path = join(temporaryDirectory(t), 'socket')
  await listenForDatagrams(t, path, { isSlow: true })
  const send = await connectDatagram(path)
  const sent = Array.from({ length: 1_000 }, () => send?.(bytes))
  t.equal(sent[0], true)
  t.equal(sent.at(-1), false, 'net.unix.max_dgram_qlen is far less')
})

t.test('a datagram that is too long is lost', async (t) => {
  const path = join(temporaryDirectory(t), 'socket')
  const listener = await listenForDatagrams(t, path)
  const send = await connectDatagram(path)
  t.strictSame([send?.(Buffer.alloc(8 << 20)), send?.(bytes)], [false, true])
  t.strictSame(await listener.received(1), [bytes])
})
