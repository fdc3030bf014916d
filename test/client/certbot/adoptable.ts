import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { runHook, type Ended } from '../../cli/command.js'
import { temporaryDirectory } from '../../temporary-directory.js'
import { WEBROOT } from './renewal-text.js'

export interface Adoptable {
  readonly hooks: string
  /** The directory of the command's link. */
  readonly bin: string
  /** certbot's configuration, with the lineage `example.com`. */
  readonly config: string
  readonly renewal: string
  /** Runs `certbot-nfq install`; `before` are words in front of it. */
  install(words: readonly string[], before?: readonly string[]): Promise<Ended>
  /** The arguments of each call of certbot. */
  calls(): string[]
}

/**
 * A configuration directory with one lineage, and a certbot of some version that notes its arguments and does what
 * `act` says, in sh.
 */
export function adoptable(t: Test, { version = '2.1.0', status = 0, act = '' } = {}): Adoptable {
  const path = temporaryDirectory(t)
  const [hooks, config, log] = [join(path, 'hooks'), join(path, 'config'), join(path, 'calls')]
  const [bin, programs] = [join(path, 'bin'), join(path, 'programs')]
  const renewal = join(config, 'renewal/example.com.conf')
  for (const directory of [join(config, 'renewal'), programs]) mkdirSync(directory, { recursive: true })
  writeFileSync(renewal, WEBROOT)
  writeFileSync(
    join(programs, 'certbot'),
    `#!/bin/sh\nrenewal=${renewal}\necho "$*" >>${log}\n${act}\nif [ "$1" = --version ]; then echo certbot ${version}; else exit ${status}; fi\n`,
    { mode: 0o755 },
  )
  const env = { PATH: `${programs}:${process.env['PATH'] ?? ''}` }
  return {
    hooks,
    bin,
    config,
    renewal,
    install: (words, before = []) =>
      runHook(
        'certbot-nfq',
        ['install', '--hooks-dir', hooks, '--bin-dir', bin, '--config-dir', config, ...words],
        env,
        before,
      ),
    calls: () => readFileSync(log, 'utf8').trim().split('\n'),
  }
}
