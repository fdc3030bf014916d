/** One width for prose and comments. Prettier lays out the code, but wraps neither. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'

const WIDTH = 120

/** The files of the repository that `endings` match. */
function files(endings: RegExp): string[] {
  const { stdout } = spawnSync('git', ['-C', inRepository('.'), 'ls-files'], { encoding: 'utf8' })
  const all = stdout.split('\n').filter((path) => path !== '' && !path.startsWith('test/fixtures/'))
  return all.filter((path) => endings.test(path))
}

/** `path:line` of each line of a file that is too wide, of those that `counts` is true for. */
function wideLines(path: string, counts: (line: string) => boolean): string[] {
  const lines = readFileSync(inRepository(path), 'utf8').split('\n')
  return lines.flatMap((line, at) => (counts(line) && line.length > WIDTH ? [`${path}:${at + 1}`] : []))
}

t.test('prose', async (t) => {
  const pages = files(/\.md$/)
  t.ok(pages.includes('README.md'), 'the pages are found')
  // A row of a table is one line, and so are output to read and a command to copy.
  let isFenced = false
  const isProse = (line: string) => {
    if (line.startsWith('```')) isFenced = !isFenced
    return !isFenced && !/^(\||    )/.test(line)
  }
  t.same(pages.flatMap((path) => wideLines(path, isProse)), [])
})

t.test('comments', async (t) => {
  const sources = files(/^(src|test|hooks|\.ci)\/(.*\/)?([\w-]+|.*\.[tj]s)$/)
  t.ok(sources.includes('hooks/keep') && sources.includes('src/wire/tcp.ts'), 'the sources are found')
  t.same(sources.flatMap((path) => wideLines(path, (line) => /^\s*(\/?\*|\/\/|# )/.test(line))), [])
})
