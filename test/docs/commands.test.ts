import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { openScene, scenePrograms } from '../../src/lab/scene.js'
import { requiresKernel } from '../requires-kernel.js'
import { jsonLinesIn, kindsOf, samplesIn, shapeOf } from './samples.js'
import { commandsOf, strayCommands, type DocumentedCommand } from './commands.js'
import { openMachine, type Machine } from './machine.js'
import { obtainByWebroot } from './webroot-lineage.js'
import { substituted, substitutions, wayOf, ways, type Way } from './ways.js'

const pages = ['README.md', 'CONTRIBUTING.md', ...readdirSync(inRepository('docs')).filter((name) => name.endsWith('.md')).map((name) => join('docs', name))]
const commands = pages.flatMap((page) => commandsOf(page, readFileSync(inRepository(page), 'utf8')))

t.test('the commands are found: continued lines are one, comments none', (t) => {
  const page = ['text', '```sh', '# first', 'one \\', '  more', '', 'two', '```', '```ini', 'three', '```'].join('\n')
  t.strictSame(commandsOf('x.md', page), [{ page: 'x.md', line: 4, text: 'one more' }, { page: 'x.md', line: 7, text: 'two' }])
  t.ok(commands.some(({ text }) => text.startsWith('certbot certonly ')))
  t.end()
})

t.test('a command to copy stands in a block that begins with ```sh', (t) => {
  const stray = ['    npm test', '    hooks/      what certbot calls', '```', '$ certbot renew', '```', '```sh', 'certbot renew', '```', '    certbot-nfq 0.1.0', '    hooks/auth --port 80']
  t.strictSame(strayCommands(stray.join('\n')), ['$ certbot renew', 'npm test', 'hooks/auth --port 80'])
  for (const page of pages) t.same(strayCommands(readFileSync(inRepository(page), 'utf8')), [], page)
  t.end()
})

t.test('somebody has said how each command is to be run (test/docs/ways.ts)', (t) => {
  for (const command of commands) t.ok(wayOf(command), where(command))
  t.end()
})

t.test('each way and each substitution is one for a command that there is', (t) => {
  const texts = commands.map(({ text }) => text)
  const used = new Set(commands.map(wayOf))
  for (const [pattern, way] of ways) if (way.kind !== 'machine') t.ok(used.has(way), String(pattern))
  for (const [pattern] of substitutions) t.ok(texts.some((text) => pattern.test(text)), String(pattern))
  t.end()
})

t.test('the commands of README and docs work, from top to bottom', { ...(await requiresKernel(...scenePrograms)), timeout: 600_000 }, async (t) => {
  const scene = await openScene()
  t.teardown(() => scene.close())
  const machine = await openMachine(scene)
  await obtainByWebroot(scene, machine)
  const before = (await scene.challengesAtWebServer()).length
  const printed = new Map<string, string>()
  for (const page of pages) {
    let cwd = '/opt/certbot-nfq'
    for (const command of commands.filter((command) => command.page === page)) {
      const way = wayOf(command)
      if (way?.kind === 'directory') cwd = command.text.replace(/^cd /, '')
      else if (way) printed.set(command.text, await runCommand(t, machine, command, way, cwd))
    }
  }
  await t.test('and what they show as output is what comes out', (t) => compareSamples(t, machine, printed))
  t.same((await scene.challengesAtWebServer()).slice(before), [], 'the web server never saw a challenge of theirs')
  t.same(await scene.leftovers(), [], 'and all is as before')
})

/** Returns what the command printed; nothing when it was not run to its end. */
async function runCommand(t: Test, machine: Machine, command: DocumentedCommand, way: Way, cwd: string): Promise<string> {
  const line = substituted(command)
  if (way.kind === 'not run' || way.kind === 'directory') return ''
  if (way.kind === 'until') {
    const service = machine.start(line, { cwd })
    await service.waitForOutput(way.output)
    await service.stop()
    t.pass(`${where(command)}, until it says what it should`)
    return ''
  }
  await way.prepare?.(machine, command)
  const { exitCode, stdout, stderr } = await machine.run(line, { cwd })
  t.ok((way.exits ?? [0]).includes(exitCode ?? -1), `${where(command)}${line === command.text ? '' : ` (as: ${line})`}`, { exitCode, stdout, stderr })
  return stdout
}

/** Compares samples of output with a doctor that has run, and with an order that is made for it. */
async function compareSamples(t: Test, machine: Machine, printed: ReadonlyMap<string, string>): Promise<void> {
  const findings = (lines: readonly string[]) => new Map(lines.flatMap((line) => (/^ok +\S/.test(line) ? [[line.split(/ +/)[1], shapeOf(line)] as const] : [])))
  const doctor = [...printed].find(([text, stdout]) => text.startsWith('certbot-nfq doctor -d') && stdout !== '')?.[1] ?? ''
  const found = findings(doctor.split('\n'))
  t.ok(found.size > 6, 'the doctor has found much in order', { doctor })
  // Whose port it is, and which programs there are, is each machine's own.
  for (const [check, shown] of findings(samples('docs/doctor.md'))) if (found.has(check) && !['firewall', 'port', 'node'].includes(check ?? '')) t.equal(shown, found.get(check), `docs/doctor.md: ${check}`)

  const watch = machine.start('certbot-nfq watch --json')
  await watch.waitForOutput(/"watching"/)
  const options = '--log-format json --log-file /var/log/samples.log'
  const { exitCode, stderr } = await machine.run(`certbot certonly --dry-run --manual --preferred-challenges http --manual-auth-hook "/etc/certbot-nfq/auth ${options}" --manual-cleanup-hook /etc/certbot-nfq/cleanup -d samples.example.com`)
  t.equal(exitCode, 0, stderr)
  await watch.waitForOutput(/"event":"answer"/)
  await watch.stop()
  const { stdout: log } = await machine.run('cat /var/log/samples.log')
  const events = [...jsonLinesIn(watch.output().split('\n')), ...jsonLinesIn(log.split('\n'))]
  for (const page of ['docs/troubleshooting.md', 'docs/certbot.md']) {
    const shown = jsonLinesIn(samples(page))
    t.ok(shown.length > 0, `${page} has samples`)
    for (const sample of shown) t.same(kindsOf(sample), kindsOf(events.find(({ event, level }) => event === sample['event'] && level === sample['level'])), `${page}: ${String(sample['event'])}`)
  }
}

function samples(page: string): string[] {
  return samplesIn(readFileSync(inRepository(page), 'utf8'))
}

function where({ page, line, text }: DocumentedCommand): string {
  return `${page}:${line}: ${text}`
}
