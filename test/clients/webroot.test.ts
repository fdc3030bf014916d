import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { request } from '../../src/control/client.js'
import { dnsPort } from '../../src/lab/certificate-authority.js'
import { readCertificate } from '../../src/lab/certificate.js'
import { inRepository } from '../../src/lab/repository.js'
import { snapshotRules } from '../../src/lab/rules.js'
import { openScene, scenePrograms } from '../../src/lab/scene.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { requiresKernel } from '../requires-kernel.js'
import { webrootClients } from './webroot-clients.js'

/**
 * Milliseconds that the CA's validators wait for the DNS. Clients ask the CA as soon as they have written their files.
 * With a real CA it takes a fraction of a second from there to its first request; a loaded machine takes longer to arm.
 */
const DELAY = 1_000

/** Between the CA's validators and the DNS. $1: the port; $2: that of the DNS; $3: milliseconds. */
const SLOW_DNS = `
const [port, to, delay] = process.argv.slice(1).map(Number)
const { createSocket } = require('node:dgram')
const server = createSocket('udp4', (query, client) => {
  const socket = createSocket('udp4', (answer) => {
    socket.close()
    setTimeout(() => server.send(answer, client.port, client.address), delay)
  })
  socket.send(query, to, '127.0.0.1')
})
server.bind(port, '127.0.0.1', () => console.log('listening'))`

const RESOLVER_PORT = 8054

t.test(
  'clients that write a webroot get a certificate from behind a web server that does not serve it',
  await requiresKernel(...scenePrograms, 'lego', 'acme-tiny'),
  async (t) => {
    const scene = await openScene({ authority: { resolverPort: RESOLVER_PORT } })
    t.teardown(scene.close)
    const { lab, authority } = scene
    const [from, to, delay] = [RESOLVER_PORT, dnsPort, DELAY].map(String) as [string, string, string]
    await lab.validator.spawn([process.execPath, '-e', SLOW_DNS, from, to, delay]).waitForOutput(/listening/)
    const webroot = join(lab.directory, 'site')
    await mkdir(webroot, { mode: 0o755 })
    const runDirectory = join(lab.directory, 'run')
    const before = await snapshotRules(lab.server)
    const service = lab.server.spawn([
      ...[inRepository('hooks/certbot-nfq'), 'serve', '--run-dir', runDirectory, '--webroot', webroot],
    ])
    await service.waitForOutput(/is watched/)

    for (const [client, issue] of Object.entries(await webrootClients(scene))) {
      const name = `${client}.example.com`
      const { outcome, path } = await issue(name, webroot)
      t.equal(outcome.exitCode, 0, `${client}: ${outcome.stdout}${outcome.stderr}`)
      t.same((await readCertificate(path)).names, [name])
      t.match(authority.logs(), new RegExp(`${name}:80/\\.well-known/acme-challenge/`), 'the CA asked port 80')
      await waitUntil(async () => {
        const response = await request(join(runDirectory, 'control'), { op: 'status' })
        return typeof response === 'object' && response.status?.challenges.length === 0 && !response.status.firewall
      }, `${client}: no challenge, and no rule`)
      t.equal(await snapshotRules(lab.server), before, `${client}: the rules are as before`)
    }
    t.same(await scene.challengesAtWebServer(), [], 'the web server never saw a challenge')
    await service.stop()
    t.same(await scene.leftovers(), [])
  },
)
