/** docs/benchmarks.md, all of it but the section that people write. */
import type { BenchResults } from './results.js'
import { bystanderTables, challengeTable, hookTable, memoryTable, orderSentence, packetTable } from './tables.js'
import { judge } from './targets.js'

const begin = '<!-- by hand, kept when this page is made anew -->'
const end = '<!-- end of what is written by hand -->'

/** The page; `old` is what stood there before, of which the part between the markers is kept. */
export function benchmarkPage(results: BenchResults, old: string): string {
  return `# Benchmarks

Made by \`${results.command}\`; nothing here is asserted by a test. Figures are medians, then the range in parentheses. Ratios are of two measurements
made one right after the other, so that a noisy machine disturbs both alike.

${results.machine.map((line) => `- ${line}`).join('\n')}

${section('Bystanders', results.bystanders.length > 0 ? results.bystanders : undefined, bystanders)}
${section('What the rules cost a packet', results.packets.length > 0 ? results.packets : undefined, packets)}
${section(
  'Challenge replies',
  results.challenges,
  (
    challenges,
  ) => `The same key authorization, from the responder and as a file from nginx on a port that is not armed, in turns.

${challengeTable(challenges)}`,
)}
${section('Hooks', results.hooks, (hooks) => `Whole-process wall time, each against a \`node -e 0\` right before it.\n\n${hookTable(hooks)}`)}
${section('An order for 100 names', results.orders, (orders) => `certbot and pebble, end to end; pebble takes every challenge for passed, on both sides.\n\n${orderSentence(orders)}`)}
${section('Memory', results.memory, (memory) => `Against \`node -e 'setInterval(()=>{},1e3)'\` of the same age.\n\n${memoryTable(memory)}`)}
## Targets

The median decides.

${judge(results)
  .map(({ sentence }) => `- ${sentence}`)
  .join('\n')}

## Where a target is missed, and why

${begin}
${handWritten(old)}
${end}
`.replace(/\n{3,}/g, '\n\n')
}

function bystanders(results: BenchResults['bystanders']): string {
  return `![Rates of ordinary traffic, as ratios to the unarmed server](benchmarks.svg)

Two network namespaces on a veth pair; nginx with two workers in one, the clients in the other, all on the same cores. Requests: wrk with one thread and 32
connections, for a page of 16 bytes; "new connections" is one for each request. Uploads are read whole into nginx's memory before it answers. The flood is
\`GET /.well-known/acme-challenge/\` and a random token, at most 2,000 requests a second, each on a connection of its own, from another address. It costs the client, nginx and
the cores their share also without certbot-nfq: the row "unarmed, under the flood" shows how much. The row "unarmed, once more" compares the unarmed
server to itself: what lies within its range is noise. For rates, above 1 is better; for p50 and p99, below 1.

${results.map(bystanderSection).join('\n')}`
}

function bystanderSection(results: BenchResults['bystanders'][number]): string {
  const kind =
    results.tracking === 'on'
      ? 'as on nearly every server: a stateful rule was there before'
      : 'no stateful rule and no NAT'
  return `### Connection tracking ${results.tracking}\n\n(${kind}; each state measured ${results.rounds === 1 ? 'once' : `${results.rounds} times`})\n\n${bystanderTables(results)}`
}

function packets(results: BenchResults['packets']): string {
  return `Pure ACKs of an open connection to the armed port, which pass every rule there is for bystanders and lead to no answer: the time from sending one over veth until the server's
kernel has taken it, system call and virtual cable included. nft's rules with \`accept\` in place of \`queue\`, which this packet never reaches.

${results.map(({ tracking, results }) => `### Connection tracking ${tracking}, each packet\n\n${packetTable(results)}`).join('\n')}`
}

function section<Result>(title: string, result: Result | undefined, text: (result: Result) => string): string {
  return result === undefined ? '' : `## ${title}\n\n${text(result)}`
}

function handWritten(old: string): string {
  const [, text = 'Nothing written yet.'] = new RegExp(`${begin}\n(.*?)\n${end}`, 's').exec(old) ?? []
  return text
}
