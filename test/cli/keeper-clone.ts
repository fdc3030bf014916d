/** The built program beside a keeper that belongs to the test. */
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import type * as Launch from '../../src/cli/launch.js'
import { readOptions, type Options } from '../../src/cli/options.js'
import { inRepository } from '../../src/lab/repository.js'
import { startService } from '../../src/lab/service.js'
import { temporaryDirectory } from '../temporary-directory.js'

/** What the clone is run with. */
export const options: Options = {
  ...readOptions(['--run-dir', '/run/it is', '--log-file', '/tmp/a log', '--verbose'], {}),
}

/**
 * A copy of what is built beside a keeper of the test's own, which writes down its process id and words, then runs
 * `body`.
 */
export async function makeClone(t: Test, body: string) {
  const path = temporaryDirectory(t)
  cpSync(inRepository('dist'), join(path, 'dist'), { recursive: true })
  writeFileSync(join(path, 'package.json'), '{ "type": "module" }')
  const keeper = join(path, 'hooks/keep')
  mkdirSync(join(path, 'hooks'))
  writeFileSync(keeper, `#!/bin/sh\necho $$ >'${path}/pid'\nprintf '%s\\0' "$@" >'${path}/words'\n${body}\n`)
  chmodSync(keeper, 0o755)
  const url = pathToFileURL(join(path, 'dist/cli/launch.js')).href
  const keeperPid = (): number => Number(readFileSync(join(path, 'pid'), 'utf8'))
  t.teardown(() => {
    try {
      const pid = keeperPid()
      // Zero would be our own group.
      if (pid > 1) process.kill(-pid, 'SIGKILL')
    } catch {
      // It has ended by itself, or was never started.
    }
  })
  return {
    path,
    keeper,
    keeperPid,
    launch: (await import(url)) as typeof Launch,
    words: (): string[] => readFileSync(join(path, 'words'), 'utf8').split('\0').slice(0, -1),
    /** Runs a body with `launch` and `options` in a process of its own. */
    run: (body: string) => {
      const source = `import * as launch from ${JSON.stringify(url)}\nconst options = ${JSON.stringify(options)}\n${body}`
      return startService(['env', '-u', 'NODE_OPTIONS', process.execPath, '--input-type=module', '--eval', source])
    },
  }
}
