import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'

interface Rule {
  /** Other folders and top-level files of src that it may import. */
  readonly imports: readonly string[]
  /** Whether it may import Node's modules, and packages. */
  readonly node: boolean
  readonly packages: boolean
}

/**
 * Every room of src: a folder, a folder in a folder where that has arrows of its own, or a file at the top. The longest
 * name that a path begins with is its room. A new folder at the top must be added here.
 */
const rules: Readonly<Record<string, Rule>> = {
  'failure.ts': { imports: ['wire'], node: false, packages: false },
  'wire': { imports: [], node: false, packages: false },
  'wire/dns': { imports: ['wire'], node: false, packages: false },
  'wire/http': { imports: [], node: false, packages: false },
  'wire/tls': { imports: [], node: false, packages: false },
  'watch': { imports: ['wire', 'wire/dns', 'wire/http', 'wire/tls'], node: false, packages: false },
  'intercept': { imports: ['wire'], node: false, packages: false },
  'challenge': {
    imports: ['challenge/dns-01', 'challenge/http-01', 'challenge/tls-alpn-01', 'wire', 'wire/dns', 'wire/http'],
    node: false,
    packages: false,
  },
  'challenge/dns-01': { imports: ['intercept', 'wire', 'wire/dns'], node: false, packages: false },
  'challenge/http-01': { imports: ['challenge', 'intercept', 'wire', 'wire/http'], node: false, packages: false },
  'challenge/tls-alpn-01': { imports: ['intercept', 'wire', 'wire/tls'], node: false, packages: false },
  'firewall': {
    imports: ['failure.ts', 'firewall/iptables', 'firewall/nft', 'kernel', 'wire'],
    node: true,
    packages: true,
  },
  'firewall/bpf': { imports: ['wire'], node: false, packages: false },
  'firewall/nft': {
    imports: ['failure.ts', 'firewall', 'wire'],
    node: false,
    packages: true,
  },
  'firewall/iptables': {
    imports: ['failure.ts', 'firewall', 'firewall/bpf', 'firewall/nft', 'kernel', 'wire'],
    node: false,
    packages: false,
  },
  'rules-read': { imports: ['firewall', 'firewall/nft', 'network', 'wire'], node: true, packages: false },
  'control': {
    imports: ['challenge', 'challenge/dns-01', 'failure.ts', 'wire'],
    node: true,
    packages: false,
  },
  'kernel': { imports: ['failure.ts'], node: true, packages: true },
  'network': { imports: ['wire', 'wire/dns'], node: true, packages: false },
  'responder': {
    imports: [
      'challenge',
      'challenge/dns-01',
      'challenge/http-01',
      'challenge/tls-alpn-01',
      'control',
      'failure.ts',
      'firewall',
      'firewall/iptables',
      'intercept',
      'kernel',
      'responder/servers',
      'responder/tls',
      'rules-read',
      'wire',
    ],
    node: true,
    packages: true,
  },
  'responder/servers': {
    imports: [
      'challenge/dns-01',
      'challenge/http-01',
      'challenge/tls-alpn-01',
      'failure.ts',
      'intercept',
      'responder',
      'wire',
      'wire/http',
    ],
    node: true,
    packages: false,
  },
  'responder/tls': {
    imports: ['challenge', 'challenge/tls-alpn-01', 'control', 'intercept', 'responder', 'wire', 'wire/tls'],
    node: true,
    packages: false,
  },
  'client': {
    imports: ['challenge', 'challenge/tls-alpn-01', 'control', 'failure.ts', 'kernel', 'responder', 'wire/http'],
    node: true,
    packages: false,
  },
  'store': {
    imports: ['challenge', 'control', 'failure.ts', 'responder', 'wire'],
    node: true,
    packages: true,
  },
  'client/accounts': { imports: ['failure.ts'], node: true, packages: false },
  'client/acme-sh': { imports: ['client/accounts'], node: true, packages: false },
  'client/acmetool': { imports: ['client', 'failure.ts'], node: true, packages: false },
  'client/certbot': {
    imports: ['challenge', 'client', 'client/accounts', 'client/change', 'failure.ts', 'kernel', 'wire/http'],
    node: true,
    packages: false,
  },
  'client/change': { imports: ['failure.ts', 'kernel'], node: true, packages: false },
  'client/dehydrated': { imports: ['client', 'client/accounts', 'failure.ts'], node: true, packages: false },
  'client/lego': { imports: ['client/accounts'], node: true, packages: false },
  'client/webroot': { imports: ['challenge', 'control', 'responder'], node: true, packages: false },
  'client/uacme': { imports: ['client', 'client/accounts', 'failure.ts'], node: true, packages: false },
  'diagnosis/doctor': {
    imports: [
      'challenge',
      'challenge/dns-01',
      'client',
      'control',
      'failure.ts',
      'firewall',
      'firewall/iptables',
      'firewall/nft',
      'kernel',
      'network',
      'responder',
      'rules-read',
      'wire',
    ],
    node: true,
    packages: false,
  },
  'diagnosis/validation': { imports: ['control', 'network'], node: false, packages: false },
  'diagnosis/self-check': {
    imports: ['control', 'firewall', 'rules-read', 'wire', 'wire/dns', 'wire/http', 'wire/tls'],
    node: true,
    packages: false,
  },
  'cli': {
    imports: [
      'challenge',
      'challenge/http-01',
      'client',
      'client/accounts',
      'client/acme-sh',
      'client/acmetool',
      'client/certbot',
      'client/change',
      'client/dehydrated',
      'client/lego',
      'client/uacme',
      'client/webroot',
      'control',
      'diagnosis/doctor',
      'diagnosis/self-check',
      'diagnosis/validation',
      'failure.ts',
      'firewall',
      'firewall/bpf',
      'kernel',
      'lab',
      'network',
      'responder',
      'store',
      'watch',
      'wire',
    ],
    node: true,
    packages: true,
  },
  'lab': { imports: ['client/certbot', 'wire/http'], node: true, packages: true },
  'build': { imports: ['cli', 'client/certbot', 'firewall'], node: true, packages: true },
}

/**
 * Native modules, and others that one file knows: where they may be imported, and in how many files at most. One file
 * can be replaced alone.
 */
const nativeModules = {
  'nfqueue': { folder: 'kernel', files: 1 },
  'koffi': { folder: 'kernel', files: Infinity },
  '@redis/client': { folder: 'store', files: 1 },
} as const

/** Who prints and exits: the command line. Everybody else is given a function, or throws. */
const speakers: readonly string[] = [
  'cli/',
  // Looks whether the terminal shows colours; prints through the function it is given.
  'lab/story.ts',
  // Ends the process after a signal, when the lab does not close in time.
  'lab/while-open.ts',
]

const speech =
  /\bconsole\s*\.|\bprocess\s*\.\s*(exit|exitCode|stdout|stderr|abort|reallyExit)\b|from 'node:(process|console)'/g

const src = fileURLToPath(new URL('../src/', import.meta.url))
const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .sort()

t.test('every folder of src is in the table', (t) => {
  for (const name of readdirSync(src))
    t.ok(rules[name] ?? Object.keys(rules).find((room) => room.startsWith(`${name}/`)), name)
  t.ok(files.includes('wire/packet.ts'), 'the files are found')
  t.end()
})

for (const file of files) {
  t.test(`${file} imports only what it may`, (t) => {
    const rule = rules[roomOf(file)]
    const wrong = importsOf(file).filter((name) => !rule || !isAllowed(file, name, rule))
    t.same(wrong, [])
    t.end()
  })
}

t.test('whatever a room may import, it does', (t) => {
  const imported = new Map(Object.keys(rules).map((room) => [room, new Set<string>()]))
  for (const file of files)
    for (const name of importsOf(file))
      if (name.startsWith('.')) imported.get(roomOf(file))?.add(roomOf(targetOf(file, name)))
  for (const [room, { imports }] of Object.entries(rules))
    t.same(
      imports.filter((other) => !imported.get(room)?.has(other)),
      [],
      room,
    )
  t.end()
})

t.test('docs/design.md shows the same rooms, and what each may import', (t) => {
  const page = readFileSync(join(src, '../docs/design.md'), 'utf8')
  const [, section = ''] = page.split('\n## Layout\n')
  const rows = [...(section.split('\n## ')[0] ?? '').matchAll(/^\| `([^`]+)` \| .+ \| (.+) \| (.*) \|$/gm)]
  const shown = Object.fromEntries(rows.map(([, room = '', imports, besides]) => [room, { imports, besides }]))
  const expected = Object.entries(rules).map(([room, rule]) => [
    room,
    { imports: roomsOf(rule), besides: besides(rule) },
  ])
  t.strictSame(shown, Object.fromEntries(expected), 'a row of the layout table is room, contents, rooms, besides')
  t.end()
})

t.test('an arrow that points the wrong way is seen', (t) => {
  const wrong = [
    ['wire/ip.ts', '../intercept/limits.js'],
    ['wire/ip.ts', 'node:fs'],
    ['intercept/interceptor.ts', 'execa'],
    ['intercept/tcp-peer.ts', '../challenge/http-01/service.js'],
    ['intercept/tcp-peer.ts', '../wire/http/http.js'],
    ['intercept/datagrams.ts', '../wire/dns/dns-query.js'],
    ['firewall/nft/script.ts', '../../wire/tls/tls-hello.js'],
    ['challenge/tls-alpn-01/service.ts', '../dns-01/names.js'],
    ['firewall/iptables/script.ts', '../../challenge/http-01/selector.js'],
    ['rules-read/packet.ts', '../responder/serve.js'],
    ['diagnosis/validation/asked.ts', '../doctor/finding.js'],
    ['firewall/bpf/program.ts', '../ruleset.js'],
    ['lab/demo.ts', '../cli/main.js'],
    ['control/message.ts', '../../package.json'],
  ] as const
  for (const [file, name] of wrong) t.notOk(isAllowed(file, name, rules[roomOf(file)] ?? never), `${file} -> ${name}`)
  t.same(importedNames("import a from 'a'\nexport * from 'b'\nimport type { C } from 'c'\nvoid import('d')"), [
    'a',
    'b',
    'c',
    'd',
  ])
  t.end()
})

for (const [name, { folder, files: most }] of Object.entries(nativeModules)) {
  t.test(`the native module ${name} is imported in ${folder} only`, (t) => {
    const importers = files.filter((file) => importsOf(file).includes(name))
    t.same(
      importers.filter((file) => topOf(file) !== folder),
      [],
    )
    t.ok(importers.length <= most, `in ${most} file at most: ${importers.join(', ')}`)
    t.end()
  })
}

t.test('only the command line prints and exits', (t) => {
  for (const file of files) {
    if (speakers.some((speaker) => file === speaker || (speaker.endsWith('/') && file.startsWith(speaker)))) continue
    t.same(readFileSync(join(src, file), 'utf8').match(speech) ?? [], [], file)
  }
  t.end()
})

t.test("no file has a name that could be any file's", (t) => {
  t.same(
    files.filter((file) => /\b(utils?|helpers?|managers?|common|misc)\b/.test(file)),
    [],
  )
  t.end()
})

/** The rooms that one may import, as the layout table of docs/design.md has them. */
function roomsOf({ imports }: Rule): string {
  return (
    [...imports]
      .sort()
      .map((room) => `\`${room}\``)
      .join(', ') || 'none'
  )
}

/** What one may import besides rooms, likewise. */
function besides({ node, packages }: Rule): string {
  return [...(node ? ['Node'] : []), ...(packages ? ['packages'] : [])].join(', ') || 'nothing'
}

const never: Rule = { imports: [], node: false, packages: false }

/** The room that a path relative to src lies in; '' for none. */
function roomOf(path: string): string {
  const rooms = Object.keys(rules).filter((room) => path === room || path.startsWith(`${room}/`))
  return rooms.sort((a, b) => b.length - a.length)[0] ?? ''
}

/** The folder of src that a path relative to src lies in, or the file at the top. */
function topOf(path: string): string {
  return path.split('/')[0] ?? ''
}

function importsOf(file: string): string[] {
  return importedNames(readFileSync(join(src, file), 'utf8'))
}

/** What a module names in `import`, `export … from`, `import()` and `require()`. */
function importedNames(source: string): string[] {
  return ts.preProcessFile(source, true, true).importedFiles.map(({ fileName }) => fileName)
}

function isAllowed(file: string, name: string, rule: Rule): boolean {
  if (name.startsWith('node:')) return rule.node
  if (!name.startsWith('.')) return rule.packages
  const target = targetOf(file, name)
  if (target.startsWith('..')) return false
  return roomOf(target) === roomOf(file) || rule.imports.includes(roomOf(target))
}

/** The file that a relative import names, relative to src. */
function targetOf(file: string, name: string): string {
  return posix.join(posix.dirname(file), name).replace(/\.js$/, '.ts')
}
