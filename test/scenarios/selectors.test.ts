/** What the kernel picks out of real packets, by each back end, for http-01 and for other selectors. */
import t from 'tap'
import type { Test } from 'tap'
import { dns01Selectors } from '../../src/challenge/dns-01/selector.js'
import { http01Selector } from '../../src/challenge/http-01/selector.js'
import { tlsAlpn01Selector } from '../../src/challenge/tls-alpn-01/selector.js'
import { installScript } from '../../src/firewall/iptables/script.js'
import { tableName } from '../../src/firewall/nft/names.js'
import { installLine } from '../../src/firewall/nft/script.js'
import type { Ruleset } from '../../src/firewall/ruleset.js'
import type { IpVersion } from '../../src/wire/ip.js'
import { createNamespace, type Namespace } from '../../src/lab/namespace.js'
import { run } from '../../src/lab/run.js'
import type { Selector } from '../../src/wire/selector.js'
import { chromiumHello, curlHello, opensslHello, pebbleHello } from '../fixtures/captured-hellos.js'
import { alpnExtension, extension, makeHello, nameExtension } from '../fixtures/hello.js'
import { fromText, toText } from '../fixtures/hex.js'
import { makeSets } from '../kernel/sets-of-rules.js'
import { requiresKernel } from '../requires-kernel.js'

type Transport = Selector['transport']

/** Sends each piece in a segment or datagram of its own. */
type Send = (pieces: readonly string[]) => Promise<void>

/** How many packets of each kind. */
interface Kinds {
  readonly armed: number
  readonly incomplete: number
  readonly unarmed: number
}

const none: Kinds = { armed: 0, incomplete: 0, unarmed: 0 }
const armed: Kinds = { ...none, armed: 1 }
const incomplete: Kinds = { ...none, incomplete: 1 }
const unarmed: Kinds = { ...none, unarmed: 1 }

const token = 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA'
const get = `GET /.well-known/acme-challenge/${token} HTTP/1.1\r\nHost: example.com\r\n\r\n`
const head = get.replace('GET', 'HEAD')
const other = get.replace(token, 'LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0')
const many = Array.from({ length: 100 }, (_, index) => `${String(index).padStart(3, 'x')}-${token}`)

/** A DNS query for TXT of `_acme-challenge.NAME`, behind its length or as a datagram; case does not count. */
const label = '\x0f_acme-challenge'
const query = (name: string) => `\0\x01\x01\0\0\x01\0\0\0\0\0\0${name}`
const mask = Uint8Array.from(label, (character) => (/[a-z]/.test(character) ? 0xdf : 0xff))
const names = [fromText('\x07example\x03com\0\0\x10\0\x01')]
const dns = (transport: 'tcp' | 'udp', offset: number): Selector => ({
  transport,
  ports: [80],
  starts: [{ offset, bytes: fromText(label), mask }],
  keys: names.map((name) => name.subarray(0, 16)),
})
const asked = query('\x0f_ACME-Challenge\x07example\x03com\0\0\x10\0\x01')
const askedAnother = query('\x0f_acme-challenge\x03www\x07example\x03com\0\0\x10\0\x01')

/** What a client sends, each piece in a segment or datagram of its own, and what the kernel takes it for. */
type Connection = readonly [title: string, pieces: readonly string[], kinds: Kinds | ByBackEnd]

/** nft cannot search a payload. */
interface ByBackEnd {
  readonly nft: Kinds
  readonly iptables: Kinds
}

const http01: readonly Connection[] = [
  ['a whole request', [get], armed],
  ['a HEAD request', [head], armed],
  ['a request for another token', [other], unarmed],
  ['a HEAD request for another token', [other.replace('GET', 'HEAD')], unarmed],
  ...[1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 32, 33, 35].map(
    (length) => [`a request split after ${length} bytes`, split(get, length), incomplete] as const,
  ),
  ['a request split after the compared bytes', split(get, 60), armed],
  ['a request of which the first bytes come one at a time', split(get, 1, 2, 3, 4, 5, 6, 7, 8), incomplete],
  ...[1, 3, 4, 5, 6, 32, 33, 36].map(
    (length) => [`a HEAD request split after ${length} bytes`, split(head, length), incomplete] as const,
  ),
  [
    'three requests on one connection',
    [get, 'GET / HTTP/1.1\r\nHost: example.com\r\n\r\n', other],
    { ...none, armed: 1, unarmed: 1 },
  ],
  ['an ordinary request', ['GET / HTTP/1.1\r\nHost: example.com\r\n\r\n'], none],
  ['a challenge asked for by POST', [get.replace('GET', 'POST')], none],
  ['a path that is almost a challenge', [get.replace('challenge/', 'challenge?')], none],
  ['a connection without a request', [], none],
]

const hello = (extensions: readonly Uint8Array[], records?: readonly number[]) =>
  toText(makeHello({ extensions, ...(records && { records }) }))
const named = nameExtension('example.com')
const acme = alpnExtension('acme-tls/1')
const long = extension(51, new Uint8Array(1_300))
/** As `acme-tls/1` is read by iptables: it is not there, or the hello goes on in the next segment. */
const passed: ByBackEnd = { nft: armed, iptables: none }
const undecided: ByBackEnd = { nft: armed, iptables: incomplete }
const splitInText = (text: string) => split(text, text.indexOf('acme-tls/1') + 4)

const tlsAlpn01: readonly Connection[] = [
  ['a hello with the protocol', [hello([named, acme])], armed],
  ['openssl’s', [toText(opensslHello)], armed],
  ['pebble’s', [toText(pebbleHello)], armed],
  ['a hello with other protocols', [hello([named, alpnExtension('h2', 'http/1.1')])], passed],
  ['curl’s', [toText(curlHello)], passed],
  ['a hello without protocols', [hello([named])], passed],
  ['Chromium’s, in two segments', split(toText(chromiumHello), 1_400), undecided],
  ['a long one with the protocol in its first segment', split(hello([named, acme, long]), 1_200), armed],
  ['a long one with the protocol in its second segment', split(hello([long, named, acme]), 1_200), undecided],
  ['the protocol split between two segments', splitInText(hello([long, named, acme])), undecided],
  ['a hello in two records', [hello([named, alpnExtension('h2')], [60])], undecided],
  ['a record of two messages', [`\x16\x03\x01\0\x0c\x01\0\0\x02\x03\x03\x01\0\0\x02\x03\x03`], undecided],
  ...[1, 3, 5].map(
    (length) => [`a hello split after ${length} bytes`, split(hello([acme]), length), incomplete] as const,
  ),
  ['application data', ['\x17\x03\x03\0\x0eacme-tls/1 too'], none],
  ['another handshake message', ['\x16\x03\x03\0\x0c\x10\0\0\x08acme-tls/1'], none],
  ['a version that there is not', ['\x16\x03\x08\0\x0c\x01\0\0\x08acme-tls/1'], none],
  ['an alert', ['\x15\x03\x03\0\x02\x01\x00'], none],
]

const selections: readonly {
  readonly title: string
  readonly selectors: readonly Selector[]
  readonly overTcp: readonly Connection[]
  readonly overUdp?: readonly Connection[]
}[] = [
  { title: 'http-01', selectors: [http01Selector([80], [token])], overTcp: http01 },
  {
    title: 'http-01 for any token',
    selectors: [{ ...http01Selector([80], []), keys: 'any' }],
    overTcp: [
      ['a request for some token', [other], armed],
      ['a request that ends with the path', [get.slice(0, 32)], armed],
      ['a request that ends in it', [get.slice(0, 31)], incomplete],
    ],
  },
  {
    title: 'http-01 for a hundred tokens',
    selectors: [http01Selector([80], many)],
    overTcp: [
      ['the first', [get.replace(token, many[0] ?? '')], armed],
      ['the last', [head.replace(token, many[99] ?? '')], armed],
      ['another', [get], unarmed],
    ],
  },
  {
    title: 'http-01 while no token is armed',
    selectors: [http01Selector([80], [])],
    overTcp: [['a request', [get], unarmed]],
  },
  {
    title: 'http-01 on another port',
    selectors: [http01Selector([81], [token])],
    overTcp: [['a request', [get], none]],
  },
  {
    title: 'dns-01, beside http-01',
    selectors: [...dns01Selectors([80], ['_acme-challenge.example.com']), http01Selector([80], [token])],
    overTcp: [
      ['a query', [`\0\x2d${asked}`], armed],
      ['for another name', [`\0\x31${askedAnother}`], unarmed],
      ['for another type of name', [`\0\x2d${asked.replace('_ACME', '_acne')}`], none],
      ['a response', [`\0\x2d${asked.replace('\x01\0\0\x01', '\x81\0\0\x01')}`], none],
      ['a query for a name that begins otherwise', ['\0\x20' + query('\x03www\x07example\x03com\0\0\x10\0\x01')], none],
      ...[1, 2, 3, 7, 13, 14, 20, 29, 30, 33].map(
        (length) => [`a query split after ${length} bytes`, split(`\0\x2d${asked}`, length), incomplete] as const,
      ),
      ['a query split after the compared bytes', split(`\0\x2d${asked}`, 44), armed],
      ['the beginning of something else', ['\x16\x03'], none],
      ['a request', [get], armed],
      ['a split request', split(get, 8), incomplete],
      ['an ordinary request', ['GET / HTTP/1.1\r\nHost: example.com\r\n\r\n'], none],
    ],
    overUdp: [
      ['a query', [asked], armed],
      ['queries', [asked, askedAnother, asked], { ...none, armed: 2, unarmed: 1 }],
      ['a query for an ordinary name', [query('\x03www\x07example\x03com\0\0\x10\0\x01')], none],
      ['a datagram that is not whole', [asked.slice(0, 30), 'x'], none],
      ['a request', [get], none],
    ],
  },
  {
    title: 'dns-01 for a short name, whose keys are short',
    selectors: dns01Selectors([80], ['_acme-challenge.example.com', '_acme-challenge.a.de']),
    overTcp: [['a query', [`\0\x26${query('\x0f_acme-challenge\x01A\x02De\0\0\x01\0\x01')}`], armed]],
    overUdp: [
      ['a query', [query('\x0f_acme-challenge\x01A\x02De\0\0\x01\0\x01')], armed],
      ['for the other name', [asked], armed],
      ['for another name', [askedAnother], unarmed],
    ],
  },
  {
    title: 'tls-alpn-01, beside http-01',
    selectors: [http01Selector([80], [token]), tlsAlpn01Selector([80])],
    overTcp: [...tlsAlpn01, ['a request', [get], armed], ['a split request', split(get, 5), incomplete]],
  },
  {
    title: 'masked bytes at a place of the payload, by TCP and UDP, beside http-01',
    selectors: [dns('udp', 12), dns('tcp', 14), http01Selector([80], [token])],
    overTcp: [
      ['a query', [`\0\x25${asked}`], armed],
      ['for another name', [`\0\x25${askedAnother}`], unarmed],
      ['for another type of name', [`\0\x25${asked.replace('_ACME', '_acne')}`], none],
      ['a query split before the name', split(`\0\x25${asked}`, 2), incomplete],
      ['a query split in the name', split(`\0\x25${asked}`, 20), incomplete],
      ['a request', [get], armed],
      ['an ordinary request', ['GET / HTTP/1.1\r\nHost: example.com\r\n\r\n'], none],
    ],
    overUdp: [
      ['a query', [asked], armed],
      ['queries', [asked, askedAnother, asked], { ...none, armed: 2, unarmed: 1 }],
      ['a datagram that is not whole', [asked.slice(0, 20), 'x'], none],
      ['a request', [get], none],
    ],
  },
]

/** A way to install a ruleset, without a queue behind it, and to count what came of it. */
interface BackEnd {
  install(ruleset: Ruleset): Promise<void>
  /** Of all packets so far. */
  count(ruleset: Ruleset): Promise<Kinds>
}

const backEnds = {
  'iptables-nft': (namespace: Namespace, version: IpVersion) => iptables(namespace, version, 'nft'),
  'iptables-legacy': (namespace: Namespace, version: IpVersion) => iptables(namespace, version, 'legacy'),
  'nft': nft,
} as const

/**
 * Does one exchange for each line it reads: a server and its client in one small program. The next piece goes out when
 * the one before has arrived, so none are joined.
 */
const program = `
  import { once } from 'node:events'
  import { createSocket } from 'node:dgram'
  import { connect, createServer } from 'node:net'
  import { createInterface } from 'node:readline'
  const ways = {
    tcp: async (host, pieces) => {
      const server = createServer().listen(80, host)
      await once(server, 'listening')
      const accepted = once(server, 'connection')
      const client = connect({ host, port: 80, noDelay: true })
      const [socket] = await accepted
      await passOn(pieces, (piece) => client.write(piece), socket, 'data')
      client.destroy()
      socket.destroy()
      server.close()
      await once(server, 'close')
    },
    udp: async (host, pieces) => {
      const type = host.includes(':') ? 'udp6' : 'udp4'
      const server = createSocket(type)
      server.bind(80, host)
      await once(server, 'listening')
      const client = createSocket(type)
      await passOn(pieces, (piece) => client.send(piece, 80, host), server, 'message')
      client.close()
      server.close()
    },
  }
  async function passOn(pieces, send, receiver, event) {
    for (const piece of pieces.map((piece) => Buffer.from(piece, 'latin1'))) {
      const arrived = once(receiver, event)
      send(piece)
      const [data] = await arrived
      if (!data.equals(piece)) throw new Error('the pieces were joined or torn')
    }
  }
  for await (const line of createInterface({ input: process.stdin })) {
    const { number, transport, host, pieces } = JSON.parse(line)
    await ways[transport](host, pieces)
    console.log('done ' + number + '.')
  }
`

for (const [name, backEnd] of Object.entries(backEnds)) {
  t.test(name, await requiresKernel('nft'), async (t) => {
    const namespaceName = `cnfq-selectors-${name}-${process.pid}`
    t.teardown(() => run(['ip', 'netns', 'delete', namespaceName], { reject: false }))
    const namespace = await createNamespace(namespaceName, 'lo', { ipv4: '127.0.0.1', ipv6: '::1' })
    const exchange = startExchanges(t, namespace)
    for (const version of [4, 6] as const)
      for (const { title, selectors, overTcp, overUdp = [] } of selections)
        await t.test(`IPv${version}, ${title}`, async (t) => {
          const ruleset: Ruleset = {
            tag: 'ab',
            selectors,
            // Nobody listens on it.
            queue: 65_535,
            mark: 0x400000,
            families: [{ version, isTracked: false }],
            selection: 'prefilter',
          }
          const { install, count } = backEnd(namespace, version)
          await install(ruleset)
          await check(t, overTcp, exchange(version, 'tcp'), () => count(ruleset), name !== 'nft')
          await check(t, overUdp, exchange(version, 'udp'), () => count(ruleset), name !== 'nft')
        })
  })
}

async function check(
  t: Test,
  connections: readonly Connection[],
  send: Send,
  count: () => Promise<Kinds>,
  canSearch: boolean,
): Promise<void> {
  let before = await count()
  for (const [title, pieces, expected] of connections) {
    const kinds = 'nft' in expected ? expected[canSearch ? 'iptables' : 'nft'] : expected
    await send(pieces)
    const now = await count()
    const { armed, incomplete, unarmed } = now
    t.same(
      {
        armed: armed - before.armed,
        incomplete: incomplete - before.incomplete,
        unarmed: unarmed - before.unarmed,
      },
      kinds,
      title,
    )
    before = now
  }
}

function iptables(namespace: Namespace, version: IpVersion, variant: 'nft' | 'legacy'): BackEnd {
  const program = `${version === 4 ? 'iptables' : 'ip6tables'}-${variant}`
  const save = async () => (await namespace.exec([`${program}-save`, '-c', '-t', 'mangle'])).stdout
  return {
    install: async (ruleset) => {
      await makeSets(namespace, ruleset.tag, version)
      const script = installScript(ruleset, { version, isTracked: false }, await save())
      await namespace.exec([`${program}-restore`, '--noflush'], { input: script })
    },
    count: async () => {
      const saved = await save()
      // Of each chain, what its rules that end at a queue have counted; of unarmed ones, what all have.
      const packets = (chain: string, rule: RegExp) =>
        [...saved.matchAll(/^\[(\d+):\d+\] -A CERTBOT-NFQ-ab-(\S) (.*)$/gm)]
          .filter(([, , name, text = '']) => name === chain && rule.test(text))
          .reduce((sum, [, count]) => sum + Number(count), 0)
      return {
        armed: packets('A', /NFQUEUE/),
        incomplete: packets('U', /NFQUEUE/),
        unarmed: packets('N', /^-m comment --comment \S+$/),
      }
    },
  }
}

function nft(namespace: Namespace, version: IpVersion): BackEnd {
  const table = tableName('ab', version).split(' ')
  return {
    // With a counter for every `queue`, which not every kernel has.
    install: async (ruleset) => {
      await namespace.exec(['nft', '-f', '-'], {
        input: installLine(ruleset, false).replace(/queue flags bypass to \d+/g, 'counter accept'),
      })
    },
    count: async () => {
      const { stdout } = await namespace.exec(['nft', 'list', 'table', ...table])
      const packets = (chain: RegExp) =>
        [...stdout.matchAll(/^\tchain (\S+) \{([^]*?)\n\t\}$/gm)]
          .filter(([, name = '']) => chain.test(name))
          .flatMap(([, , rules = '']) => [...rules.matchAll(/counter packets (\d+)/g)])
          .reduce((sum, [, count]) => sum + Number(count), 0)
      return {
        // Datagrams are queued where their port is looked at.
        armed: packets(/^(take|armed-\d+)$/),
        incomplete: packets(/^undecided$/),
        unarmed: Number(/counter unarmed \{\s*packets (\d+)/.exec(stdout)?.[1] ?? 0),
      }
    },
  }
}

function startExchanges(t: Test, namespace: Namespace): (version: IpVersion, transport: Transport) => Send {
  const service = namespace.spawn([process.execPath, '--input-type=module', '-e', program], { stdin: 'pipe' })
  t.teardown(() => service.stop())
  const { ipv4, ipv6 } = namespace.addresses
  let number = 0
  return (version, transport) => async (pieces) => {
    number++
    service.write(`${JSON.stringify({ number, transport, host: version === 4 ? ipv4 : ipv6, pieces })}\n`)
    await service.waitForOutput(new RegExp(`^done ${number}\\.$`, 'm'))
  }
}

function split(text: string, ...positions: readonly number[]): string[] {
  return [0, ...positions].map((position, index) => text.slice(position, positions[index]))
}
