import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { openScene, scenePrograms } from '../../src/lab/scene.js'
import { openMachine } from '../docs/machine.js'
import { listenForDatagrams } from '../kernel/datagram-listener.js'
import { requiresKernel } from '../requires-kernel.js'

/** Debian's, where it is installed. */
const unit = '/lib/systemd/system/certbot.service'
const settings = existsSync(unit)
  ? (/^\[Service\]\n(.*?)(?=^\[|$(?![^]))/ms.exec(readFileSync(unit, 'utf8'))?.[1]?.trim().split('\n') ?? [])
  : []
const start =
  settings.find((line) => line.startsWith('ExecStart='))?.slice('ExecStart='.length) ??
  'certbot -q renew --no-random-sleep-on-renew'
const hooks = [
  '--manual',
  '--preferred-challenges http',
  '--manual-auth-hook /opt/certbot-nfq/hooks/auth',
  '--manual-cleanup-hook /opt/certbot-nfq/hooks/cleanup',
].join(' ')

t.test(
  'the service of certbot.timer has no setting that the machine of this test lacks',
  { skip: settings.length === 0 && 'no certbot.service here' },
  (t) => {
    const emulated = /^(Type=oneshot|ExecStart=.*certbot .*|PrivateTmp=true)$/
    t.same(
      settings.filter((line) => line !== '' && !line.startsWith('#') && !emulated.test(line)),
      [],
    )
    t.end()
  },
)

t.test(
  'a renewal by certbot.timer passes: a /tmp of its own, a short PATH, no terminal, and what the responder says in the journal',
  await requiresKernel(...scenePrograms),
  async (t) => {
    const scene = await openScene()
    t.teardown(() => scene.close())
    const machine = await openMachine(scene)
    await mkdir(join(machine.root, 'run/systemd/journal'), { recursive: true })
    const journal = await listenForDatagrams(t, join(machine.root, 'run/systemd/journal/socket'))
    const first = await machine.run(`certbot certonly -q ${hooks} -d timer.example`)
    t.strictSame([first.exitCode, first.stdout, first.stderr], [0, '', ''], 'a certificate to renew')
    const before = await certificate(machine.root)

    const renewal = await machine.run(start, {
      env: { CERTBOT_NFQ_VERBOSE: '1', CERTBOT_NFQ_LOG_FILE: '/var/log/nfq.log', CERTBOT_NFQ_LOG_FORMAT: 'json' },
    })

    t.strictSame([renewal.exitCode, renewal.stdout, renewal.stderr], [0, '', ''])
    t.not(await certificate(machine.root), before, 'it is renewed')
    t.same(await scene.challengesAtWebServer(), [])
    t.same(await scene.leftovers(), [], 'all is as before')
    t.notOk(existsSync(join(machine.root, 'run/certbot-nfq')), 'the run directory too')
    const lines = (await journal.received(/MESSAGE=ended/)).map(String)
    t.ok(lines.every((line) => line.includes('SYSLOG_IDENTIFIER=certbot-nfq\n')))
    t.match(
      lines.find((line) => /armed for timer\.example/.test(line)),
      /^PRIORITY=6\n[^]*^NFQ_TOKEN=/m,
    )
    t.ok(
      lines.some((line) => line.includes('MESSAGE=serving as user 6')),
      'root is given up',
    )
    t.ok(
      lines.some((line) => line.includes('NFQ_EVENT=answered')),
      'and the journal still hears',
    )
    const log = (await readFile(join(machine.root, 'var/log/nfq.log'), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    t.ok(
      log.every(({ time, level, message }) => [time, level, message].every((value) => typeof value === 'string')),
      'as JSON in the log file too',
    )
    t.match(
      log.find(({ event }) => event === 'armed'),
      { identifier: 'timer.example', port: 80, token: /./ },
    )
  },
)

function certificate(root: string): Promise<string> {
  return readFile(join(root, 'etc/letsencrypt/live/timer.example/cert.pem'), 'utf8')
}
