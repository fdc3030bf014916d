/** Formats everything that a run has measured. The page in docs has the few figures that a reader needs: page.ts. */
import type { BenchResults } from './results.js'
import {
  armingSentence,
  bystanderTables,
  challengeTable,
  clientTable,
  floodTable,
  hookTable,
  memoryTable,
  orderTable,
  packetTable,
} from './tables.js'
import { judge } from './targets.js'

/** Returns every table of a run, and what became of each target, to be read on a terminal. */
export function benchReport(results: BenchResults): string {
  return `${results.machine.map((line) => `- ${line}`).join('\n')}

${section('Bystanders', results.bystanders.length > 0 ? results.bystanders : undefined, bystanders)}
${section('Floods', results.floods.length > 0 ? results.floods : undefined, floods)}
${section('What the rules cost a packet', results.packets.length > 0 ? results.packets : undefined, packets)}
${section(
  'Challenge replies',
  results.challenges,
  (
    challenges,
  ) => `The responder and nginx serve the same key authorization in turns, nginx as a file on a port that is not armed.

${challengeTable(challenges)}`,
)}
${section('Hooks', results.hooks, (hooks) => `Wall time of the whole process, compared with a \`node -e 0\` right before it.\n\n${hookTable(hooks)}`)}
${section('Other clients', results.clients, clientTable)}
${section('A further token', results.arming, armingSentence)}
${section('Orders', results.orders, (orders) => `certbot and pebble, end to end, in seconds of wall time.\n\n${orderTable(orders)}`)}
${section('Memory', results.memory, (memory) => `Compared with \`node -e 'setInterval(()=>{},1e3)'\` of the same age.\n\n${memoryTable(memory)}`)}
## Targets

The median decides whether a target is met.

${judge(results)
  .map(({ sentence }) => `- ${sentence}`)
  .join('\n')}
`.replace(/\n{3,}/g, '\n\n')
}

function bystanders(results: BenchResults['bystanders']): string {
  return `Two network namespaces are joined by a veth pair. nginx with two workers is in one, the clients are in the other, and
all share the same cores. wrk makes requests with one thread and 32 connections, for a page of 16 bytes. "New
connections" means one for each request. nginx reads an upload completely into memory before it answers. The row
"unarmed, once more" compares the unarmed server to itself: what lies within its range is noise. For rates, more than 1
is better; for p50 and p99, less than 1.

${results.map(bystanderSection).join('\n')}`
}

function bystanderSection(results: BenchResults['bystanders'][number]): string {
  const kind =
    results.tracking === 'on'
      ? 'as on nearly every server: a stateful rule was there before'
      : 'no stateful rule and no NAT'
  return `### Connection tracking ${results.tracking}\n\n(${kind}; each state measured ${times(results.rounds)})\n\n${bystanderTables(results)}`
}

function floods(results: BenchResults['floods']): string {
  return `A flood comes from another address while ordinary clients are measured as above. Armed is compared with unarmed under
the same flood, because a flood takes time of client, nginx and cores without certbot-nfq too. A false token is
\`GET /.well-known/acme-challenge/\` and 43 random characters, at most 10,000 a second. A half request is a packet of no
connection that ends within the token, at most 20,000 a second, from 200 addresses. Five times a second a validator asks
for the armed token.

${results.map((result) => `### Connection tracking ${result.tracking}, under floods\n\n(each measured ${times(result.rounds)})\n\n${floodTable(result)}`).join('\n')}`
}

function packets(results: BenchResults['packets']): string {
  return `The packets are ACKs without payload, of an open connection to the armed port. They pass every rule that a bystander's
packets meet, and are not answered. The time is from sending one over veth until the server's kernel has taken it,
system call and virtual cable included. nft's rules have \`accept\` in place of \`queue\`, which these packets never
reach.

${results.map(({ tracking, results }) => `### Connection tracking ${tracking}, each packet\n\n${packetTable(results)}`).join('\n')}`
}

function section<Result>(title: string, result: Result | undefined, text: (result: Result) => string): string {
  return result === undefined ? '' : `## ${title}\n\n${text(result)}`
}

function times(rounds: number): string {
  return rounds === 1 ? 'once' : `${rounds} times`
}
