/** One word for one thing, as "Words" in CONTRIBUTING says. */
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'

/** Words that had several meanings, or none that a reader could guess, and what is said instead. */
const banned: readonly (readonly [RegExp, string])[] = [
  [/Farewell/i, 'the challenge as it was in the end'],
  [/takeLeave/, 'release'],
  [/\bgrounds?\b|Grounds?(?![a-z])/, 'families, tables, or what a name is compared with'],
  [/\bSight\b/, 'contents'],
  [/isShy/, 'what the condition is'],
  [/\bstrangers\b/, 'whose or which ones they are'],
  [/RunningDaemon|\bdaemon(?!-reload| off|s? of )\b/, 'responder'],
  [/cleanup[’']?s? verdict|hook[’']s verdict|docs\/verdicts/i, 'diagnosis'],
]

/** The kernel's word is for code that decides about packets, or follows them through rules. */
const aboutPackets = /^(intercept|kernel|responder|rules-read|firewall|challenge|diagnosis\/doctor)\//

const sources = readdirSync(inRepository('src'), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts')).sort()

t.test('no word comes back that was given up', (t) => {
  t.ok(sources.includes('wire/tcp.ts'), 'the sources are found')
  const texts = sources.map((path) => [path, readFileSync(inRepository(`src/${path}`), 'utf8')] as const)
  for (const [word, instead] of banned) {
    const found = texts.filter(([, text]) => word.test(text)).map(([path]) => path)
    t.same(found, [], `${String(word)}: say ${instead}`)
  }
  const verdicts = texts.filter(([path, text]) => !aboutPackets.test(path) && /verdict/i.test(text)).map(([path]) => path)
  t.same(verdicts, [], 'a verdict is what the kernel does with a packet')
  t.end()
})

t.test('each word of the glossary has its line, in alphabetical order', (t) => {
  const section = /^## Words\n([\s\S]*?)^## /m.exec(readFileSync(inRepository('CONTRIBUTING.md'), 'utf8'))?.[1] ?? ''
  const words = [...section.matchAll(/^\| \*\*(.+?)\*\* \| (.+) \|$/gm)].map(([, word = '']) => word.toLowerCase())
  t.same(words, [...words].sort(), 'in order')
  for (const word of ['decision', 'diagnosis', 'finding', 'interceptor', 'lease', 'responder', 'verdict', 'visit'])
    t.ok(words.includes(word), word)
  t.end()
})
