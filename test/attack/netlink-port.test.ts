/** Any user may bind netlink sockets, and choose their port ids. The kernel lists a queue by such an id. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs } from '../scenarios/armed-lab.js'
import { challengeFor } from '../scenarios/challenge.js'
import { exchange } from '../scenarios/tcp-client.js'

const challenge = challengeFor('netlink port')
const other = challengeFor('of another client')

/** Holds the ids of processes to come, and of the newest. */
const hold = `
import resource, socket, time
most = int(open('/proc/sys/kernel/pid_max').read())
newest = lambda: int(open('/proc/loadavg').read().split()[-1])
ahead = min(4000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 3)
held, first, port = [], newest(), newest()
while True:
    while (port - newest()) % most < ahead or port == first:
        port = (port + 1) % most or 1
        held = held[1 - 2 * ahead:] + [socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)]
        try:
            held[-1].bind((port, 0))
        except OSError:
            pass
    print('held', flush=True)
    time.sleep(0.05)
`

t.test('a responder whose process id is taken as a netlink port id', await requiresKernel(...programs), async (t) => {
  const lab = await openArmedLab(t)
  const asWwwData = ['setpriv', '--reuid=33', '--regid=33', '--clear-groups', '--']
  const holder = lab.server.spawn([...asWwwData, 'env', 'PATH=/usr/bin:/bin', 'python3', '-c', hold])
  t.teardown(() => holder.stop('SIGKILL'))
  await holder.waitForOutput(/held/)
  await lab.arm(challenge)
  const { pid } = await lab.running()
  const { stdout } = await lab.server.exec(['cat', '/proc/net/netfilter/nfnetlink_queue'])
  const [, port] = stdout.trim().split(/\s+/)
  t.not(Number(port), pid, 'its queue has another')
  t.equal(readFileSync(`${lab.runDirectory}/lock`, 'latin1').split('\n')[0], port)
  await holder.stop('SIGKILL')

  t.equal(await exchange(lab.validator, { address: lab.server.addresses.ipv4 }, challenge.request), challenge.reply)
  process.kill(pid, 'SIGSTOP')
  t.ok(
    (await exchange(lab.validator, { address: lab.server.addresses.ipv4 }, other.request)).endsWith(lab.webServer.body),
    'it hangs: its keeper ends it, and who waited for it gets the web server’s answer',
  )
  t.strictSame(await lab.leftovers(), [])
})
