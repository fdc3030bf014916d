import { existsSync, readdirSync } from 'node:fs'
import t from 'tap'
import { request } from '../../src/lab/http.js'
import { openLab, type Lab } from '../../src/lab/lab.js'
import { snapshotRules } from '../../src/lab/rules.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { startWebServer } from '../../src/lab/web-server.js'
import { requiresKernel } from '../requires-kernel.js'

const { skip } = await requiresKernel('nginx')

t.test('both machines reach each other by IPv4, IPv6 and secondary addresses at once', { skip }, async (t) => {
  const lab = await openLab()
  t.teardown(lab.close)
  const secondary = ['192.0.2.77', '2001:db8::77']
  for (const address of secondary) await lab.server.addAddress(address)
  const { body } = await startWebServer(lab, { body: 'here\n' })
  for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6, ...secondary]) {
    t.equal((await request(lab.validator, { address })).body, body, address)
    t.equal((await request(lab.server, { address })).body, body, `${address} from the machine itself`)
  }
})

t.test('labs have different names and know nothing of each other', { skip }, async (t) => {
  const labs = await Promise.all([openLab(), openLab()])
  for (const lab of labs) t.teardown(lab.close)
  const [one, other] = labs
  t.equal(new Set(labs.flatMap(({ server, validator, directory }) => [server.name, validator.name, directory])).size, 6)
  await startWebServer(one)
  t.equal((await request(other.validator, { address: other.server.addresses.ipv4 })).status, 0)
})

t.test('closing ends everything, also what has detached itself and what ignores SIGTERM', { skip }, async (t) => {
  const lab = await openLab()
  t.teardown(lab.close)
  await startWebServer(lab)
  await lab.server.exec([
    'sh',
    '-c',
    'setsid -f sh -c "trap : TERM; while :; do sleep 1000; done" </dev/null >/dev/null 2>&1',
  ])
  const isAsleep = async (): Promise<boolean> =>
    (await lab.server.processes()).some(({ command }) => command === 'sleep 1000')
  await waitUntil(isAsleep, 'the detached process')
  const processes = await lab.server.processes()
  await lab.close()
  t.same(
    processes.filter(({ pid }) => existsSync(`/proc/${pid}/exe`)),
    [],
  )
  t.same(remainsOf(lab), [])
})

t.test('closing a second time does nothing', { skip }, async (t) => {
  const lab = await openLab()
  await Promise.all([lab.close(), lab.close()])
  await lab.close()
  t.same(remainsOf(lab), [])
})

t.test('a test that throws closes its lab', { skip }, async (t) => {
  let lab: Lab | undefined
  const work = async (): Promise<void> => {
    lab = await openLab()
    try {
      lab.server.spawn(['sleep', '1000'])
      await lab.server.exec(['false'])
    } finally {
      await lab.close()
    }
  }
  await t.rejects(work(), /false/)
  t.ok(lab)
  t.same(lab && remainsOf(lab), [])
})

t.test('a published port leads into the container, from outside and from the server', { skip }, async (t) => {
  const lab = await openLab({ container: true })
  t.teardown(lab.close)
  await startWebServer(lab, { namespace: lab.container, port: 8080, body: 'inside\n' })
  for (const from of [lab.validator, lab.server]) {
    for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6]) {
      t.equal((await request(from, { address })).body, 'inside\n', `${from.name} to ${address}`)
    }
  }
  await lab.close()
  t.same(remainsOf(lab), [])
})

t.test('a namespace shows only its own rules', { skip }, async (t) => {
  const lab = await openLab()
  t.teardown(lab.close)
  const before = await snapshotRules(lab.server)
  await lab.validator.exec(['iptables', '-A', 'INPUT', '-j', 'ACCEPT'])
  t.equal(await snapshotRules(lab.server), before)
  t.not(await snapshotRules(lab.validator), before)
})

/** The namespaces and directories of a lab that are still there. */
function remainsOf({ server, directory }: Lab): string[] {
  const prefix = server.name.replace(/server$/, '')
  const names = readdirSync('/run/netns').filter((name) => name.startsWith(prefix))
  return existsSync(directory) ? [...names, directory] : names
}
