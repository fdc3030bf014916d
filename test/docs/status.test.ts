import { readFileSync } from 'node:fs'
import t from 'tap'
import { formatStatus } from '../../src/cli/status-command.js'
import { inRepository } from '../../src/lab/repository.js'
import { samplesIn } from './samples.js'

const { version } = JSON.parse(readFileSync(inRepository('package.json'), 'utf8')) as { version: string }
const page = readFileSync(inRepository('docs/options.md'), 'utf8')

t.test('the page has every counter that the program keeps, and no other', (t) => {
  const listed = [...page.matchAll(/^\| `(\w+)` \| .+ \|$/gm)].map(([, name = '']) => name)
  t.strictSame(listed.sort(), [...new Set(['src/responder/status.ts', 'src/responder/packet-path.ts', 'src/responder/log.ts'].flatMap(countersIn))].sort())
  t.end()
})

t.test('the sample is what the program prints of such a responder', (t) => {
  const visit = { at: '2026-11-20T09:40:28.424Z', client: '192.0.2.2:36994', state: 'acknowledged', answer: { status: 200, bytes: 76 } } as const
  const challenge = { token: 'abcdefghijklmnopqrstuvwxyz012345', identifier: 'example.org', port: 80, armedAt: '', expiresIn: 3595, visits: [visit] }
  const responder = { version, protocol: 1, pid: 8020, startedAt: '2026-11-20T09:40:27.048Z', queue: 8555, mark: 1, ports: [80], log: [] }
  const firewall = { name: 'iptables', selection: 'prefilter', reason: 'first choice', tracked: [] }
  const counts = { answered: 1, acknowledged: 1, unknownToken: 0, lostByKernel: 0 }
  t.strictSame(samplesIn(page), formatStatus({ ...responder, firewall, challenges: [challenge], counts }).split('\n'))
  t.end()
})

/** The keys of the objects named `counts`, and of what a getter of that name returns. */
function countersIn(path: string): string[] {
  const source = readFileSync(inRepository(path), 'utf8')
  const objects = [...source.matchAll(/\bcounts(?: =|:) \{([^}]*)\}|get counts\(\) \{[^]*?return \{([^}]*)\}/g)].map(([, literal, returned]) => literal ?? returned ?? '')
  return objects.flatMap((object) => [...object.matchAll(/^\s*(\w+):|\{? (\w+): 0/gm)].map(([, first, other]) => first ?? other ?? '')).filter((name) => name !== 'readonly')
}
