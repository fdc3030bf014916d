import { readFileSync } from 'node:fs'
import t from 'tap'
import { formatStatus } from '../../src/cli/status-command.js'
import { inRepository } from '../../src/lab/repository.js'

const page = readFileSync(inRepository('docs/status.md'), 'utf8')

t.test('the page has every counter that the program keeps, and no other', (t) => {
  const listed = [...page.matchAll(/^\| `(\w+)` \| .+ \|$/gm)].map(([, name = '']) => name)
  t.strictSame(listed.sort(), [...new Set(['src/responder/status.ts', 'src/responder/packet-path.ts', 'src/responder/log.ts'].flatMap(countersIn))].sort())
  t.end()
})

t.test('the sample has the line of counters that the program prints', (t) => {
  const counts = { answered: 1, acknowledged: 1, unknownToken: 0, lostByKernel: 0 }
  const status = { version: '1', protocol: 1, pid: 1, startedAt: '', queue: 1, mark: 1, ports: [], challenges: [], counts, log: [] }
  t.ok(page.includes(`    ${formatStatus(status).split('\n').at(-1) ?? '?'}\n`))
  t.end()
})

/** The keys of the objects named `counts`, and of what a getter of that name returns. */
function countersIn(path: string): string[] {
  const source = readFileSync(inRepository(path), 'utf8')
  const objects = [...source.matchAll(/\bcounts(?: =|:) \{([^}]*)\}|get counts\(\) \{[^]*?return \{([^}]*)\}/g)].map(([, literal, returned]) => literal ?? returned ?? '')
  return objects.flatMap((object) => [...object.matchAll(/^\s*(\w+):|\{? (\w+): 0/gm)].map(([, first, other]) => first ?? other ?? '')).filter((name) => name !== 'readonly')
}
