/** A store that speaks TLS and knows users: with the rights that docs/fleet.md has, and nothing else. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { waitForListener } from '../../src/lab/wait-for-listener.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab } from '../scenarios/armed-lab.js'
import { challengeFor } from '../scenarios/challenge.js'

const PORT = 6379
const challenge = challengeFor('secured')
const command = inRepository('hooks/certbot-nfq')

/** More than is read. */
const HUGE = 64 * 1024 * 1024

/** The rights of the user, as the page has them for `ACL SETUSER`. */
const rights = /^ {4}ACL SETUSER certbot-nfq (on >PASSWORD (?:.|\n {6})*)$/m.exec(
  readFileSync(inRepository('docs/fleet.md'), 'utf8'),
)?.[1]

t.test(
  'a store by TLS, for a user that has few rights',
  { ...(await requiresKernel('redis-server', 'redis-cli', 'openssl')), timeout: 600_000 },
  async (t) => {
    const lab = await openArmedLab(t, { noWebServer: true })
    const { server, directory, runDirectory } = lab
    const at = (name: string) => join(directory, name)
    const keep = (name: string, text: string) => {
      writeFileSync(at(name), text, { mode: 0o600 })
      return at(name)
    }
    const authority = async (name: string) =>
      server.exec([
        ...['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
        ...['-keyout', at(`${name}.key`), '-out', at(`${name}.pem`), '-subj', '/CN=store'],
        ...['-addext', `subjectAltName=IP:${server.addresses.ipv4}`],
      ])
    await Promise.all([authority('store'), authority('other')])
    t.ok(rights?.includes('+hgetall'), 'the page has the rights')
    const words = rights?.replace('>PASSWORD', '>s3cret').split(/\s+/).join(' ') ?? ''
    const users = keep('users.acl', `user default off\nuser admin on >admin ~* &* +@all\nuser certbot-nfq ${words}\n`)
    const tls = ['--tls-port', String(PORT), '--tls-cert-file', at('store.pem'), '--tls-key-file', at('store.key')]
    const store = server.spawn(
      ['redis-server', '--port', '0', ...tls, '--tls-auth-clients', 'no', '--protected-mode', 'no'].concat([
        '--tls-ca-cert-file',
        at('store.pem'),
        '--aclfile',
        users,
        '--save',
        '',
        '--dir',
        directory,
      ]),
    )
    await waitForListener(store, PORT)
    const admin = ['redis-cli', '--user', 'admin', '--pass', 'admin', '--no-auth-warning', '--tls']
    const where = ['--cacert', at('store.pem'), '-h', server.addresses.ipv4, '-p', String(PORT)]
    const redis = (...words: string[]) => server.exec([...admin, ...where, ...words], { reject: false })

    t.equal((await server.exec([command, 'store-secret', at('secret')])).exitCode, 0)
    const options = (ca: string, password: string) => [
      ...['--store', `rediss://certbot-nfq@${server.addresses.ipv4}:${PORT}`, '--store-ca-file', at(ca)],
      ...['--store-secret-file', at('secret'), '--store-password-file', password],
    ]
    const right = options('store.pem', keep('password', 's3cret\n'))
    const service = server.spawn([command, 'serve', '--run-dir', runDirectory, '--store-name', 'web1', ...right])
    await service.waitForOutput(/store \S+ is looked at/)
    const trouble = async () => (await lab.running()).store?.trouble
    await waitUntil(async () => (await lab.running()).store?.nodes[0]?.isLive === true, 'the node to live')
    t.equal(await trouble(), undefined)

    t.same(await lab.auth(challenge, ...right), { exitCode: 0, stdout: '', stderr: '' }, 'the hook')
    t.match(await lab.running(), { challenges: [{ token: challenge.token }], store: { armed: 1 } })
    t.equal((await lab.cleanup(challenge, ...right)).exitCode, 0)
    await waitUntil(async () => (await redis('KEYS', '{certbot-nfq}:[ev]*')).stdout.trim() === '', 'nothing to be left')

    for (const [what, wrong, code] of [
      ['another password', options('store.pem', keep('wrong', 'guess\n')), /WRONGPASS.*\n.*\[store-refused,/],
      ['another authority', options('other.pem', at('password')), /certificate.*\n.*\[store-unreachable,/],
    ] as const) {
      t.match((await lab.auth(challenge, ...wrong, '--store-timeout', '7')).stderr, code, what)
      // It is over before the client gives up.
      const { stderr } = await lab.cleanup(challenge, ...wrong, '--store-timeout', '1')
      t.match(stderr, /\[store-(refused|unreachable),/, what)
    }

    await t.test('what somebody has made huge is not read', async (t) => {
      const process = (await server.processes()).find(({ command }) => command.includes('store-main.js'))
      const peak = () => Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${process?.pid}/status`, 'utf8'))?.[1])
      const before = peak()
      const script = `redis.call('HSET', KEYS[1], 'huge', string.rep('x', ${HUGE}))`
      t.match(await redis('EVAL', script, '1', '{certbot-nfq}:nodes'), { exitCode: 0, stderr: '' })
      await redis('PUBLISH', '{certbot-nfq}:nodes', '1')
      await waitUntil(async () => /bytes in .*nodes, too many to read/.test((await trouble()) ?? ''), 'the refusal')
      t.ok(peak() - before < HUGE / 1024 / 2, `${before} KiB at most, then ${peak()} KiB`)
      await redis('HDEL', '{certbot-nfq}:nodes', 'huge')
      await waitUntil(async () => (await trouble()) === undefined, 'it to be well again')
    })

    await service.stop('SIGTERM')
    await store.stop('SIGTERM')
    t.same(await lab.leftovers(), [])
  },
)
