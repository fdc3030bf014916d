import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import type { Test } from 'tap'
import { inspectHookPaths, writeHookPaths } from '../../../src/client/certbot/hook-paths.js'
import { inRepository } from '../../../src/lab/repository.js'
import { temporaryDirectory } from '../../temporary-directory.js'

/**
 * An installation whose hooks print who they are, in a directory with blanks and quotes in its name, and hook paths
 * that lead to it.
 */
export function installed(t: Test) {
  const path = temporaryDirectory(t)
  const installation = join(path, `a "place" of 'mine' $HOME`)
  const hooks = join(installation, 'hooks')
  mkdirSync(hooks, { recursive: true })
  // This machine's usual places may have one: a clone in /opt does.
  const template = readFileSync(inRepository('hooks/installed'), 'utf8').replaceAll(
    /(?<=\s)\/(?=usr|opt|root)/g,
    `${path}/`,
  )
  writeFileSync(join(hooks, 'installed'), template)
  copyFileSync(inRepository('hooks/who-can-change'), join(hooks, 'who-can-change'))
  for (const name of ['auth', 'cleanup', 'certbot-nfq'])
    writeFileSync(
      join(hooks, name),
      `#!/bin/sh\nself=\${0%/hooks/*}\nIFS='|'\nprintf '%s' "$self ${name}\${*:+ }$*"\n`,
      { mode: 0o755 },
    )
  const stable = join(path, 'stable')
  writeHookPaths(inspectHookPaths(stable, hooks))
  const run = async (name: string, argv: readonly string[], before = '') => {
    const { exitCode, stdout, stderr } = await execa(
      'env',
      ['-i', `PATH=${before}:/usr/bin:/bin`, join(stable, name), ...argv],
      { reject: false },
    )
    return { exitCode, stdout, stderr }
  }
  return { path, installation, hooks, stable, run }
}
