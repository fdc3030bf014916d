import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { takeLock } from '../../src/kernel/lock.js'
import { missingPrograms } from '../../src/lab/programs.js'
import { run } from '../../src/lab/run.js'
import { startService } from '../../src/lab/service.js'
import { failsWith } from '../cli/command.js'
import { adoptable } from '../client/certbot/adoptable.js'
import { WEBROOT } from '../client/certbot/renewal-text.js'

const needsCertbot = { skip: (await missingPrograms(['certbot'])) ?? false }

t.test('while certbot runs nothing is changed, and it is named', needsCertbot, async (t) => {
  const { install, config, renewal } = adoptable(t)
  const server = await silentServer(t)
  const certbot = startService(certbotWords(config, server.port))
  t.teardown(() => certbot.stop('SIGKILL'))
  await server.asked
  const ended = await install(['--adopt', 'example.com'])
  t.match(ended.stdout, /^\+authenticator = manual /m, 'the change is shown')
  failsWith(t, { ...ended, stdout: '' }, 'certbot-running', 'but not made')
  t.match(ended.stderr, new RegExp(`certbot is running \\(process ${certbot.pid}\\): it has locked ${config}, `))
  t.strictSame([readdirSync(dirname(renewal)), readFileSync(renewal, 'utf8')], [['example.com.conf'], WEBROOT])
  t.ok(existsSync(join(config, '.certbot.lock')), 'certbot’s lock is its own still')
  await certbot.stop()
  t.match(await install(['--adopt', 'example.com']), { exitCode: 0, stdout: /^Changed /m })
  t.notOk(existsSync(join(config, '.certbot.lock')))
})

t.test('certbot does not start while our lock is held', needsCertbot, async (t) => {
  const { config } = adoptable(t)
  const lock = await takeLock(join(config, '.certbot.lock'), 'record')
  t.ok(lock)
  const { exitCode, stderr } = await run(certbotWords(config, 9), { reject: false })
  t.match({ exitCode, stderr }, { exitCode: 1, stderr: /Another instance of Certbot is already running/ })
  lock?.release()
})

t.test('what another program has written between reading and replacing is not lost', async (t) => {
  const line = 'written_meanwhile = yes'
  for (const act of [
    `echo '${line}' >>"$renewal"`,
    `sed '$a ${line}' "$renewal" >"$renewal.new" && mv "$renewal.new" "$renewal"`,
  ]) {
    const { install, renewal } = adoptable(t, { act })
    const ended = await install(['--adopt', 'example.com'])
    failsWith(t, { ...ended, stdout: '' }, 'renewal-changed', act)
    t.strictSame(
      [readdirSync(dirname(renewal)), readFileSync(renewal, 'utf8')],
      [['example.com.conf'], `${WEBROOT}${line}\n`],
      'it is as that program left it',
    )
  }
})

t.test('what an aborted run has left beside it is no obstacle, and goes', async (t) => {
  const { install, config, renewal } = adoptable(t)
  appendFileSync(`${renewal}.certbot-nfq-new`, 'half')
  appendFileSync(join(config, '.certbot.lock'), '')
  t.match(await install(['--adopt', 'example.com']), { exitCode: 0 })
  t.strictSame(readdirSync(dirname(renewal)), ['example.com.conf', 'example.com.conf.before-certbot-nfq'])
})

/** A certbot that asks a server, with its locks taken, and waits for the answer. */
function certbotWords(config: string, port: number): string[] {
  const directories = [
    ['--config-dir', config],
    ...['work', 'logs'].map((name) => [`--${name}-dir`, join(config, name)]),
  ].flat()
  return [
    'certbot',
    'certonly',
    '--non-interactive',
    '--standalone',
    '-d',
    'example.org',
    '--agree-tos',
    '--register-unsafely-without-email',
    '--server',
    `http://127.0.0.1:${port}/directory`,
    ...directories,
  ]
}

/** Takes connections and says nothing. */
async function silentServer(t: Test): Promise<{ port: number; asked: Promise<void> }> {
  const sockets: Socket[] = []
  let ask: () => void = () => undefined
  const asked = new Promise<void>((resolve) => (ask = resolve))
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => undefined))
    ask()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as { port: number }).port, asked }
}
