import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { basename } from 'node:path'
import t from 'tap'
import { readListeners } from '../../src/diagnosis/doctor/listeners.js'

// Node names its main thread from version 24 on. Then `doctor` said "port 80 belongs to MainThread".
t.test('a web server that is a program for Node is known by the name of its program', async (t) => {
  const script = `
    require('fs').writeFileSync('/proc/self/comm', 'MainThread')
    const server = require('net').createServer().listen(0, '127.0.0.1', () => console.log(server.address().port))`
  const server = spawn(process.execPath, ['-e', script], { env: {}, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => server.kill())
  const [port] = (await once(server.stdout, 'data')) as [Buffer]
  t.strictSame(
    readListeners(Number(port)).map((listener) => listener.process),
    [{ pid: server.pid, name: basename(process.execPath) }],
  )
})
