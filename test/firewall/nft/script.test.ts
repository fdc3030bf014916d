import t from 'tap'
import type { Test } from 'tap'
import { http01Selector } from '../../../src/challenge/http-01/selector.js'
import { tlsAlpn01Selector } from '../../../src/challenge/tls-alpn-01/selector.js'
import { tableName } from '../../../src/firewall/nft/names.js'
import { installLine, removeLine } from '../../../src/firewall/nft/script.js'
import { portsOf, type Ruleset } from '../../../src/firewall/ruleset.js'
import type { IpVersion } from '../../../src/wire/ip.js'
import { createNamespace, type Namespace } from '../../../src/lab/namespace.js'
import { run } from '../../../src/lab/run.js'
import { requiresKernel } from '../../requires-kernel.js'
import { anyRuleset, token } from '../any-ruleset.js'

const ruleset: Ruleset = { ...anyRuleset, families: [{ version: 4, isTracked: true }] }
const untracked: Ruleset = { ...ruleset, families: [{ version: 6, isTracked: false }] }
const starts = ['GET /.well-known/acme-challenge/', 'HEAD /.well-known/acme-challenge/'] as const
const rest = `${token} HTTP/1.1\r\n`

/** What leads to the queue and is followed, and what is not; the empty string is a connection without a request. */
const candidates = starts
  .flatMap((start) => [...prefixes(start), ...[1, 2, 8].map((length) => start + rest.slice(0, length)), start + rest])
  .filter((payload, index, all) => all.indexOf(payload) === index)
const others = [
  '',
  ...starts.flatMap((start) =>
    [...start].flatMap((_, at) => [change(start + rest, at), change(start.slice(0, at + 1), at)]),
  ),
  ...starts.map((start) => start + rest.replace('eva', 'LoqX')),
  `get${starts[0].slice(3)}`,
  starts[0].replace('GET', 'POST'),
  'GET / HTTP/1.1\r\n',
  'GET  ',
  'HEAD\t',
  'HET ',
  'GEAD',
  `${starts[0].slice(0, -1)}?`,
  ` ${starts[0]}`,
]

const combinations = {
  families: [
    [{ version: 4, isTracked: true }],
    [{ version: 4, isTracked: false }],
    [{ version: 6, isTracked: true }],
    [{ version: 6, isTracked: false }],
    [
      { version: 4, isTracked: true },
      { version: 6, isTracked: false },
    ],
    [
      { version: 4, isTracked: false },
      { version: 6, isTracked: false },
    ],
  ] satisfies Ruleset['families'][],
  ports: [[80], [80, 8080, 65_535]],
}

/**
 * A server and its client in one small program. What follows a payload is written when that has arrived, so the two are
 * not joined.
 */
const client = `
  import { once } from 'node:events'
  import { readFileSync } from 'node:fs'
  import { connect, createServer } from 'node:net'
  const [host, port] = process.argv.slice(1)
  const server = createServer().listen(port, host)
  await once(server, 'listening')
  const ports = []
  for (const payload of JSON.parse(readFileSync(0, 'utf8'))) {
    const accepted = once(server, 'connection')
    const client = connect({ host, port, noDelay: true })
    const [socket] = await accepted
    for (const piece of payload === '' ? [] : [payload, '#']) {
      const arrived = once(socket, 'data')
      client.write(piece, 'latin1')
      const [data] = await arrived
      if (data.toString('latin1') !== piece) throw new Error('the pieces were joined or torn')
    }
    ports.push(client.localPort)
    client.destroy()
    socket.destroy()
  }
  server.close()
  console.log(JSON.stringify(ports))
`

t.test(
  'where connections are tracked, candidates and what their connections carry further go to the queue, by the original port, from both hooks',
  (t) => {
    t.equal(
      readable(installLine(ruleset, false)),
      `add table ip certbot-nfq-ab { }
delete table ip certbot-nfq-ab
table ip certbot-nfq-ab {
counter unarmed { }
set followed { type ipv4_addr . inet_service; flags dynamic,timeout; timeout 60s; size 65535; }
set seen { type ipv4_addr . inet_service; flags dynamic,timeout; timeout 60s; size 65535; }
set halves { type ipv4_addr; flags dynamic,timeout; timeout 10s; size 65535; }
set keys-1 { typeof @ih,0,128; elements = { 0x6576614778664144733670535262324c }; }
chain take { ct state != untracked ct mark set ct mark or 0x400000 meta length <= 61440 queue flags bypass to 8555; update @followed { ip saddr . tcp sport timeout 60s }; meta length <= 61440 queue flags bypass to 8555; }
chain undecided { add @halves { ip saddr limit rate over 50/second burst 50 packets } return; ct state untracked ip saddr . tcp sport @seen return; limit rate over 200/second burst 200 packets return; ct state untracked add @seen { ip saddr . tcp sport }; ct state != untracked ct mark set ct mark or 0x400000 meta length <= 61440 queue flags bypass to 8555; add @followed { ip saddr . tcp sport timeout 2s }; meta length <= 61440 queue flags bypass to 8555; }
chain further { limit rate 2000/second burst 500 packets meta length <= 61440 queue flags bypass to 8555; }
chain armed-1 { meta l4proto tcp ct direction original ct original proto-dst 80 goto take; tcp dport 80 ct state untracked goto take; }
chain incomplete-1 { meta l4proto tcp ct direction original ct original proto-dst 80 goto undecided; tcp dport 80 ct state untracked goto undecided; }
chain unarmed-1 { meta mark and 0x800000 != 0 meta mark set meta mark and 0xff7fffff accept; meta l4proto tcp ct direction original ct original proto-dst 80 counter name unarmed limit rate 5/second meta length <= 61440 queue flags bypass to 8555; tcp dport 80 ct state untracked counter name unarmed limit rate 5/second meta length <= 61440 queue flags bypass to 8555; }
chain start-1-1 { <GET /.well-known/acme-challenge/> }
chain start-1-2 { <HEAD /.well-known/acme-challenge/> }
chain starts { @ih,0,8 0x47 jump start-1-1; @ih,0,8 0x48 jump start-1-2; }
chain marked { meta mark and 0x800000 != 0 ct mark set ct mark and 0xffbfffff meta mark set meta mark and 0xff7fffff accept; meta l4proto tcp ct direction original ct original proto-dst 80 goto further; }
chain known { meta mark and 0x800000 != 0 delete @followed { ip saddr . tcp sport } meta mark set meta mark and 0xff7fffff accept; @ih,0,8 0x47-0x48 jump starts; goto further; }
chain followed { tcp dport 80 ip saddr . tcp sport @followed goto known; }
chain select { ct mark and 0x400000 != 0 jump marked; ct state untracked jump followed; @ih,0,8 0x47-0x48 jump starts; }
chain input { type filter hook input priority -150; policy accept; jump select; }
chain forward { type filter hook forward priority -150; policy accept; jump select; }
}
`,
    )
    t.end()
  },
)

t.test('where they are not, INPUT and the plain port lead there by source, and nothing mentions tracking', (t) => {
  t.equal(
    readable(installLine(untracked, false)),
    `add table ip6 certbot-nfq-ab { }
delete table ip6 certbot-nfq-ab
table ip6 certbot-nfq-ab {
counter unarmed { }
set followed { type ipv6_addr . inet_service; flags dynamic,timeout; timeout 60s; size 65535; }
set seen { type ipv6_addr . inet_service; flags dynamic,timeout; timeout 60s; size 65535; }
set halves { type ipv6_addr; flags dynamic,timeout; timeout 10s; size 65535; }
set keys-1 { typeof @ih,0,128; elements = { 0x6576614778664144733670535262324c }; }
chain take { update @followed { ip6 saddr . tcp sport timeout 60s }; meta length <= 61440 queue flags bypass to 8555; }
chain undecided { add @halves { ip6 saddr limit rate over 50/second burst 50 packets } return; ip6 saddr . tcp sport @seen return; limit rate over 200/second burst 200 packets return; add @seen { ip6 saddr . tcp sport }; add @followed { ip6 saddr . tcp sport timeout 2s }; meta length <= 61440 queue flags bypass to 8555; }
chain further { limit rate 2000/second burst 500 packets meta length <= 61440 queue flags bypass to 8555; }
chain armed-1 { tcp dport 80 goto take; }
chain incomplete-1 { tcp dport 80 goto undecided; }
chain unarmed-1 { meta mark and 0x800000 != 0 meta mark set meta mark and 0xff7fffff accept; tcp dport 80 counter name unarmed limit rate 5/second meta length <= 61440 queue flags bypass to 8555; }
chain start-1-1 { <GET /.well-known/acme-challenge/> }
chain start-1-2 { <HEAD /.well-known/acme-challenge/> }
chain starts { @ih,0,8 0x47 jump start-1-1; @ih,0,8 0x48 jump start-1-2; }
chain known { meta mark and 0x800000 != 0 delete @followed { ip6 saddr . tcp sport } meta mark set meta mark and 0xff7fffff accept; @ih,0,8 0x47-0x48 jump starts; goto further; }
chain followed { tcp dport 80 ip6 saddr . tcp sport @followed goto known; }
chain select { jump followed; @ih,0,8 0x47-0x48 jump starts; }
chain input { type filter hook input priority -150; policy accept; jump select; }
}
`,
  )
  for (const selection of ['prefilter', 'port'] as const)
    t.notMatch(installLine({ ...untracked, selection }, true), /\bct /, 'that would switch it on')
  t.end()
})

t.test('where the kernel cannot pick candidates, all of the port goes to the queue', (t) => {
  const chains = (ruleset: Ruleset) =>
    readable(installLine({ ...ruleset, selection: 'port' }, false))
      .split('\n')
      .slice(3, -2)
  t.strictSame(chains(ruleset), [
    'chain select { meta l4proto tcp ct direction original ct original proto-dst 80 meta length <= 61440 queue flags bypass to 8555; tcp dport 80 ct state untracked meta length <= 61440 queue flags bypass to 8555; }',
    'chain input { type filter hook input priority -150; policy accept; jump select; }',
    'chain forward { type filter hook forward priority -150; policy accept; jump select; }',
  ])
  t.strictSame(chains(untracked), [
    'chain select { tcp dport 80 meta length <= 61440 queue flags bypass to 8555; }',
    'chain input { type filter hook input priority -150; policy accept; jump select; }',
  ])
  t.end()
})

t.test('each port has its rules, and nothing too long to queue goes there', (t) => {
  for (const [ruleset] of everyRuleset()) {
    const ports = portsOf(ruleset, 'tcp')
    const line = installLine(ruleset, false)
    for (const port of ports) t.match(line, new RegExp(`tcp dport ${port} [^;]*queue flags bypass`))
    const queueing = line.match(/[^;{]*queue flags bypass[^;]*/g) ?? []
    t.ok(queueing.length >= ports.length)
    t.strictSame(
      queueing.filter((rule) => !rule.includes(' meta length <= 61440 queue ')),
      [],
    )
  }
  t.end()
})

t.test('where other tokens are wanted, they are taken within limits, a site of IPv6 being one source', (t) => {
  const text = (version: 4 | 6) =>
    installLine(
      { ...ruleset, families: [{ version, isTracked: true }], selectors: [http01Selector([80], [token], true)] },
      true,
    )
  t.match(text(4), 'counter name unarmed goto others;')
  t.notMatch(text(4), 'limit rate 5/second')
  t.match(
    text(4),
    'chain others { add @askers { ip saddr limit rate over 100/second burst 600 packets } return; limit rate over 400/second burst 1000 packets return; goto take; }',
  )
  t.match(text(4), 'set askers { type ipv4_addr; flags dynamic,timeout; timeout 60s; size 65535; }')
  t.match(text(4), 'limit rate 2000/second burst 2000 packets meta length')
  t.match(
    text(6),
    'add @askers { ip6 saddr and ffff:ffff:ffff:ffff:: limit rate over 100/second burst 600 packets } return',
  )
  t.notMatch(installLine(ruleset, true), /askers|others/)
  t.end()
})

t.test('queue number and mark are those of the ruleset', (t) => {
  const line = installLine({ ...ruleset, queue: 7, mark: 0x80000000 }, false)
  t.strictSame(new Set(line.match(/queue [^;]*/g)), new Set(['queue flags bypass to 7']))
  t.strictSame(
    new Set(line.match(/ct mark (?:set ct mark or|and) \S+/g)),
    new Set(['ct mark set ct mark or 0x80000000', 'ct mark and 0x80000000', 'ct mark and 0x7fffffff']),
  )
  t.end()
})

t.test('owned tables differ in their flags only, wherever they are named with a body', (t) => {
  const both = { ...ruleset, families: combinations.families[4] ?? [] }
  t.equal(installLine(both, true).replaceAll('{ flags owner; ', '{ '), installLine(both, false))
  t.equal(installLine(both, true).match(/table ip6? certbot-nfq-ab \{ flags owner; /g)?.length, 4)
  t.end()
})

t.test('every command is one line with as many braces closed as opened, and never `;` before `;`', (t) => {
  for (const line of [
    ...everyRuleset().map(([ruleset, isOwned]) => installLine(ruleset, isOwned)),
    removeLine('ab', [4, 6]),
    removeLine('ab', [6]),
  ]) {
    t.match(line, /^[^\n]+\n$/)
    t.equal(line.split('{').length, line.split('}').length, line.slice(0, 60))
    t.notMatch(line, /;\s*;/)
  }
  t.end()
})

t.test('what anybody can send is taken within limits of its own', (t) => {
  const text = installLine(
    {
      ...ruleset,
      families: [{ version: 4, isTracked: true }],
      selectors: [http01Selector([80], [token]), tlsAlpn01Selector([443])],
    },
    true,
  )
  t.match(text, 'jump followed; @ih,0,8 0x47-0x48 jump starts; @ih,0,8 0x16 jump starts; }')
  t.match(
    text,
    '@ih,0,48 & 0xfffff80000ff != 0x160300000001 return; @ih,0,48 & 0xfffff80000ff == 0x160300000001 goto armed-2;',
  )
  t.match(text, /chain armed-2 \{ meta l4proto tcp ct direction original ct original proto-dst 443 goto limited;/)
  t.match(
    text,
    'chain limited { meta mark and 0x800000 != 0 meta mark set meta mark and 0xff7fffff accept; add @limited-askers { ip saddr limit rate over 100/second burst 600 packets } return; limit rate over 1000/second burst 1000 packets return; goto take; }',
  )
  t.match(text, 'set limited-askers { type ipv4_addr; flags dynamic,timeout; timeout 60s; size 65535; }')
  t.notMatch(installLine(ruleset, true), /limited/)
  t.end()
})

t.test('removing names these tables and no others', (t) => {
  t.equal(removeLine('ab', [4, 6]), 'delete table ip certbot-nfq-ab; delete table ip6 certbot-nfq-ab\n')
  t.equal(removeLine('ab', [6]), 'delete table ip6 certbot-nfq-ab\n')
  t.strictSame([tableName('x-1', 4), tableName('x-1', 6)], ['ip certbot-nfq-x-1', 'ip6 certbot-nfq-x-1'])
  t.end()
})

t.test(
  'a kernel takes every ruleset, also in place of itself, and lets go of it',
  await requiresKernel('nft'),
  async (t) => {
    const nft = nftIn(await openNamespace(t, 'accept'))
    await nft('-f', '-', 'table ip certbot-nfq-a { }; table ip6 certbot-nfq-abc { }; table inet certbot-nfq-ab { }\n')
    const before = await nft('list', 'ruleset')
    for (const [ruleset, isOwned] of everyRuleset()) {
      const title = JSON.stringify({ ...ruleset, isOwned })
      const versions = ruleset.families.map(({ version }) => version)
      // Owned tables are gone with their nft, so both have to come from one.
      await nft('-f', '-', counting(installLine(ruleset, isOwned)).repeat(2) + (isOwned ? '' : '\n'))
      const tables = (await nft('list', 'tables'))
        .split('\n')
        .filter((line) => line.endsWith('certbot-nfq-ab') && !line.includes('inet'))
      t.strictSame(tables, isOwned ? [] : versions.map((version) => `table ${tableName('ab', version)}`), title)
      if (!isOwned) await nft('-f', '-', removeLine('ab', versions))
      t.equal(await nft('list', 'ruleset'), before, `${title}: nothing else is touched`)
    }
  },
)

t.test('on real packets', await requiresKernel('nft'), async (t) => {
  const namespace = await openNamespace(t, 'packets')
  const nft = nftIn(namespace)
  const payloads = [...candidates, ...others]
  for (const version of [4, 6] as const) {
    const table = tableName('ab', version).split(' ')
    const sources = async () =>
      new Set(
        [...(await nft('-n', 'list', 'set', ...table, 'followed')).matchAll(/(?:127\.0\.0\.1|::1) \. (\d+)/g)].map(
          ([, port]) => Number(port),
        ),
      )
    const counted = async (chain: string) =>
      [...(await nft('list', 'chain', ...table, chain)).matchAll(/counter packets (\d+)/g)].map(([, packets]) =>
        Number(packets),
      )
    /** What has been queued by each rule, of payloads that are whole and of others together. */
    const queued = async () => {
      const [whole, unfinished] = [await counted('take'), await counted('undecided')]
      return whole.map((packets, rule) => packets + (unfinished[rule] ?? 0))
    }
    const install = (isTracked: boolean, selection: Ruleset['selection'] = 'prefilter') =>
      nft('-f', '-', counting(installLine({ ...ruleset, families: [{ version, isTracked }], selection }, false)))

    await t.test(`IPv${version}, untracked: exactly the sources of candidates are followed`, async (t) => {
      await install(false)
      const ports = await exchange(namespace, version, payloads)
      const followed = await sources()
      payloads.forEach((payload, index) =>
        t.equal(followed.has(ports[index] ?? 0), candidates.includes(payload), JSON.stringify(payload)),
      )
      t.strictSame(await queued(), [candidates.length], 'one packet each')
      const [further = 0] = await counted('further')
      t.ok(further >= candidates.length, 'and the further ones of their connections are followed')
    })

    await t.test(`IPv${version}, tracked: exactly the candidates set the mark`, async (t) => {
      await install(true)
      await exchange(namespace, version, others)
      t.strictSame([await queued(), await counted('further')], [[0, 0], [0]])
      await exchange(namespace, version, candidates)
      t.strictSame(await queued(), [candidates.length, 0], 'one packet each')
      const [further = 0] = await counted('further')
      t.ok(further >= candidates.length, 'and the further ones of their connections are followed')
      t.strictSame([...(await sources())], [], 'by their mark, not by source')
    })

    await t.test(`IPv${version}, exempt from tracking: followed by source`, async (t) => {
      const family = table[0] ?? ''
      await nft(
        '-f',
        '-',
        `table ${family} raw { chain out { type filter hook output priority -300; meta l4proto tcp notrack; }; }\n`,
      )
      await install(true)
      const ports = await exchange(namespace, version, payloads)
      const followed = await sources()
      t.strictSame(
        ports.filter((port) => followed.has(port)),
        ports.slice(0, candidates.length),
      )
      t.equal((await queued())[1], candidates.length)
      await nft('delete', 'table', family, 'raw')
    })

    await t.test(
      `IPv${version}: without the prefilter every packet of the port is queued, and none of another`,
      async (t) => {
        await install(false, 'port')
        await exchange(namespace, version, ['G'], 81)
        t.strictSame(await counted('select'), [0])
        await exchange(namespace, version, ['POST / HTTP/1.1\r\n'])
        const [all = 0] = await counted('select')
        t.ok(all >= 4, 'handshake, data, end')
      },
    )
    await nft('delete', 'table', ...table)
  }
})

// Followed sources can be made up by anybody; a set they have filled must not hide the challenge.
t.test('a candidate is queued also when no more sources can be followed', await requiresKernel('nft'), async (t) => {
  const namespace = await openNamespace(t, 'full')
  const nft = nftIn(namespace)
  await nft(
    '-f',
    '-',
    counting(installLine({ ...untracked, families: [{ version: 4, isTracked: false }] }, false)).replace(
      'size 65535',
      'size 2',
    ),
  )
  await exchange(namespace, 4, ['G', 'H', 'GE', starts[0]])
  const listing = await nft('list', 'chain', ...tableName('ab', 4).split(' '), 'undecided')
  t.match(listing, /counter packets 4/)
})

function prefixes(text: string): string[] {
  return [...text].map((_, at) => text.slice(0, at + 1))
}

/** The byte at this position changed. */
function change(text: string, at: number): string {
  return text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 0x40) + text.slice(at + 1)
}

function everyRuleset(): (readonly [Ruleset, boolean])[] {
  return combinations.families.flatMap((families) =>
    combinations.ports.flatMap((ports) =>
      (['prefilter', 'port'] as const).flatMap((selection) =>
        [false, true].map(
          (isOwned) =>
            [{ ...ruleset, families, selectors: [http01Selector(ports, [token])], selection }, isOwned] as const,
        ),
      ),
    ),
  )
}

/**
 * A line for each command, set and chain; the two chains that compare a request's start are checked here, and named.
 */
function readable(line: string): string {
  const comparisons = (start: string) => {
    const hex = (text: string) => `0x${Buffer.from(text).toString('hex')}`
    const pieces = [0, 16, 32].map((at) => [at, start.slice(at, at + 16)] as const).filter(([, text]) => text !== '')
    const whole = pieces.map(([at, text]) => `@ih,${at * 8},${text.length * 8} == ${hex(text)}`).join(' ')
    const key = `@ih,${start.length * 8},128`
    return [
      `@ih,0,128 != ${hex(start.slice(0, 16))} return; `,
      `${whole} ${key} @keys-1 goto armed-1; `,
      `${whole} ${key} != @keys-1 goto unarmed-1; `,
      ...[...start].map((byte, at) => `@ih,${at * 8},8 != ${hex(byte)} return; `),
      'goto incomplete-1;',
    ].join('')
  }
  return starts
    .reduce((text, start) => text.replace(comparisons(start), `<${start}>`), line)
    .replace(/; (?=(?:(?:add|delete) )?table )/g, '\n')
    .replace(/(?<=table ip6? certbot-nfq-ab \{) (?=counter|chain)/g, '\n')
    .replace(/\}; (?=(?:chain|set) )/g, '}\n')
    .replace(/\}; \}\n$/, '}\n}\n')
}

/** With a counter for every `queue`, which not every kernel has, and with limits that no test of its rules meets. */
function counting(line: string): string {
  return withCounters(line).replace(/limit rate over \d+\/second burst \d+/g, 'limit rate over 10000/second burst 1000')
}

/** The same with the limits as they are. */
function withCounters(line: string): string {
  return line.replace(/queue flags bypass to \d+/g, 'counter accept')
}

async function openNamespace(t: Test, purpose: string): Promise<Namespace> {
  const name = `cnfq-nft-${purpose}-${process.pid}`
  t.teardown(() => run(['ip', 'netns', 'delete', name], { reject: false }))
  return createNamespace(name, 'lo', { ipv4: '127.0.0.1', ipv6: '::1' })
}

/** Runs nft(8) there; with `-f -` the last word is what it reads. */
function nftIn(namespace: Namespace) {
  return async (...words: string[]): Promise<string> => {
    const input = words[0] === '-f' ? words.pop() : undefined
    return (await namespace.exec(['nft', ...words], input === undefined ? {} : { input })).stdout
  }
}

/** Sends each payload in one segment of a connection of its own, then a few bytes more. Returns the clients' ports. */
async function exchange(
  namespace: Namespace,
  version: IpVersion,
  payloads: readonly string[],
  port = 80,
): Promise<number[]> {
  const { ipv4, ipv6 } = namespace.addresses
  const { stdout } = await namespace.exec(
    [process.execPath, '--input-type=module', '-e', client, '--', version === 4 ? ipv4 : ipv6, String(port)],
    { input: JSON.stringify(payloads) },
  )
  return JSON.parse(stdout) as number[]
}
