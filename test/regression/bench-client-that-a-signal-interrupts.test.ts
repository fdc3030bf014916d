import t from 'tap'
import { openLab } from '../../src/lab/lab.js'
import { requiresKernel } from '../requires-kernel.js'
import { exchange } from '../bench/client-socket.js'

/**
 * On a request it sends the client SIGCHLD while that sleeps, as the end of a child does, and answers when it has run
 * and sleeps again.
 */
const server = `
  const { readFileSync } = require('node:fs')
  const client = ${process.pid}
  const slept = () => {
    const status = readFileSync('/proc/' + client + '/task/' + client + '/status', 'latin1')
    return /^State:\\tS/m.test(status) ? /^voluntary_ctxt_switches:.*/m.exec(status)[0] : undefined
  }
  require('node:net').createServer((socket) => socket.once('data', () => {
    let before
    const timer = setInterval(() => {
      const now = slept()
      if (now === undefined || now === before) return
      if (before === undefined) process.kill(client, 'SIGCHLD')
      else {
        clearInterval(timer)
        socket.end('the answer')
      }
      before = now
    }, 1)
  })).listen(80, () => console.log('listens'))
`

// A child of the benchmark that ended while a validation waited for its reply made that an empty one, at once: two true
// validations counted as lost in a flood. With a time limit on the socket the kernel does not take recv(2) up again.
t.test('a reply is read whole although a child ends meanwhile', await requiresKernel(), async (t) => {
  const lab = await openLab()
  t.teardown(() => lab.close())
  await lab.server.spawn([process.execPath, '-e', server]).waitForOutput(/listens/)
  const target = { address: lab.server.addresses.ipv4, port: 80 }
  t.match(exchange(lab.validator, target, 'a request'), { reply: 'the answer', ending: 'closed' })
})
