import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { execaNode } from 'execa'
import t from 'tap'
import { requiresKernel } from '../requires-kernel.js'

const { skip } = await requiresKernel()

// A program of its own: it opens a lab and ends as its argument says.
const source = `
import { openLab } from ${JSON.stringify(new URL('../../src/lab/lab.ts', import.meta.url).href)}
const lab = await openLab()
const { pid } = lab.server.spawn(['sleep', '1000'])
process.stdout.write(JSON.stringify({ names: [lab.server.name, lab.validator.name], directory: lab.directory, pid }))
const how = process.argv[2]
if (how === 'exit') process.exit(3)
else if (how === 'throw') throw new Error('on purpose')
else process.kill(process.pid, how)
`

t.test('a process that is interrupted or exits with a lab open leaves nothing of it', { skip }, async (t) => {
  const child = join(t.testdir({ 'child.mjs': source }), 'child.mjs')
  for (const how of ['SIGINT', 'SIGTERM', 'exit', 'throw']) {
    const { stdout, exitCode, signal } = await execaNode(child, [how], { reject: false, nodeOptions: process.execArgv })
    const lab = JSON.parse(stdout) as { names: string[]; directory: string; pid: number }
    t.equal(signal ?? exitCode, { SIGINT: 'SIGINT', SIGTERM: 'SIGTERM', exit: 3, throw: 1 }[how], how)
    t.same(
      lab.names.filter((name) => existsSync(`/run/netns/${name}`)),
      [],
      `${how}: namespaces`,
    )
    t.notOk(existsSync(lab.directory), `${how}: directory`)
    t.notOk(existsSync(`/proc/${lab.pid}/exe`), `${how}: processes`)
  }
})
