import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { openScene, scenePrograms } from '../../src/lab/scene.js'
import { requiresKernel } from '../requires-kernel.js'
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
  for (const page of pages) {
    let cwd = '/opt/certbot-nfq'
    for (const command of commands.filter((command) => command.page === page)) {
      const way = wayOf(command)
      if (way?.kind === 'directory') cwd = command.text.replace(/^cd /, '')
      else if (way) await runCommand(t, machine, command, way, cwd)
    }
  }
  t.same((await scene.challengesAtWebServer()).slice(before), [], 'the web server never saw a challenge of theirs')
  t.same(await scene.leftovers(), [], 'and all is as before')
})

async function runCommand(t: Test, machine: Machine, command: DocumentedCommand, way: Way, cwd: string): Promise<void> {
  const line = substituted(command)
  if (way.kind === 'not run' || way.kind === 'directory') return
  if (way.kind === 'until') {
    const service = machine.start(line, { cwd })
    await service.waitForOutput(way.output)
    await service.stop()
    t.pass(`${where(command)}, until it says what it should`)
    return
  }
  await way.prepare?.(machine, command)
  const { exitCode, stdout, stderr } = await machine.run(line, { cwd })
  t.ok((way.exits ?? [0]).includes(exitCode ?? -1), `${where(command)}${line === command.text ? '' : ` (as: ${line})`}`, { exitCode, stdout, stderr })
}

function where({ page, line, text }: DocumentedCommand): string {
  return `${page}:${line}: ${text}`
}
