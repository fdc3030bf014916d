import { once } from 'node:events'
import { chmodSync, closeSync, openSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { openPeerLookup } from '../../src/kernel/peer.js'
import { startService } from '../../src/lab/service.js'
import { requiresKernel } from '../requires-kernel.js'
import { temporaryDirectory } from '../temporary-directory.js'

t.test('a connection of this process is of its user', async (t) => {
  const { path, accepted } = await listen(t)
  const peerOf = await openPeerLookup()
  const client = connect(path)
  t.teardown(() => client.destroy())
  t.equal(peerOf(descriptorOf(await accepted())), process.geteuid?.())
  t.equal(peerOf(descriptorOf(client)), process.geteuid?.(), 'seen from either end')
})

t.test('one of another user is of that user, also when it has ended', await requiresKernel(), async (t) => {
  const peerOf = await openPeerLookup()
  for (const uid of [65534, 1, 4294967294]) {
    const { path, accepted } = await listen(t)
    const body = `require('node:net').connect(${JSON.stringify(path)})`
    const client = startService([
      'env',
      '-u',
      'NODE_OPTIONS',
      'setpriv',
      `--reuid=${uid}`,
      '--regid=65534',
      '--clear-groups',
      process.execPath,
      '--eval',
      body,
    ])
    t.teardown(() => client.stop('SIGKILL'))
    const socket = await accepted()
    t.equal(peerOf(descriptorOf(socket)), uid)
    await client.stop('SIGKILL')
    t.equal(peerOf(descriptorOf(socket)), uid)
  }
})

t.test('what is no socket, or none at all, has no peer', async (t) => {
  const peerOf = await openPeerLookup()
  const file = openSync('/dev/null', 'r')
  t.equal(peerOf(file), undefined)
  closeSync(file)
  t.equal(peerOf(file), undefined, 'closed')
  t.equal(peerOf(-1), undefined)
})

/** A server that anybody may connect to. */
async function listen(t: Test) {
  const directory = temporaryDirectory(t)
  const path = join(directory, 'socket')
  const server: Server = createServer({ allowHalfOpen: true, pauseOnConnect: true })
  server.listen({ path, writableAll: true })
  await once(server, 'listening')
  chmodSync(directory, 0o755)
  t.teardown(() => server.close())
  return {
    path,
    accepted: async (): Promise<Socket> => {
      const [socket] = (await once(server, 'connection')) as [Socket]
      socket.on('error', () => undefined)
      t.teardown(() => socket.destroy())
      return socket
    },
  }
}

/** As the control server finds it: Node has no word for a socket's descriptor. */
function descriptorOf(socket: Socket): number {
  return (socket as unknown as { _handle: { fd: number } })._handle.fd
}
