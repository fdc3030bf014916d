import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t from 'tap'
import { openNameServer } from '../../src/responder/servers/name-server.js'
import { freePort, listen } from '../responder/loopback.js'

// The responder listened on all addresses at once. A systemd-resolved that started meanwhile found 127.0.0.53 taken,
// and turned its stub off until it was started again.
t.test('systemd-resolved can listen on its address while the responder serves the port', async (t) => {
  const port = await freePort()
  const server = await openNameServer({ port, version: 4, names: { valuesOf: () => [] }, onEvent: () => undefined })
  if (typeof server === 'string') throw new Error(server)
  t.teardown(() => server.close())
  const stub = createSocket('udp4').bind(port, '127.0.0.53')
  t.teardown(() => stub.close())
  await once(stub, 'listening')
  await listen(t, port, '127.0.0.53')
  await t.rejects(listen(t, port, '127.0.0.1'), { code: 'EADDRINUSE' }, 'which is served')
})
