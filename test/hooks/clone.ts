import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import type { Test } from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { temporaryDirectory } from '../temporary-directory.js'

export const hooks = ['auth', 'cleanup', 'dehydrated', 'uacme', 'acmetool', 'certbot-nfq'] as const

/**
 * A copy of hooks/ beside programs that say how they were called. The usual places of hooks/run are in the copy too,
 * for what is in them on this machine is not known.
 */
export function makeClone(t: Test) {
  const path = temporaryDirectory(t)
  cpSync(inRepository('hooks'), join(path, 'hooks'), { recursive: true })
  const script = join(path, 'hooks/run')
  writeFileSync(script, readFileSync(script, 'utf8').replaceAll(/(?<=[\s])\/(?=usr|opt|root|home)/g, `${path}/`))
  for (const program of new Set(hooks.map(programOf))) {
    mkdirSync(dirname(join(path, 'dist', program)), { recursive: true })
    writeFileSync(
      join(path, 'dist', program),
      `console.log(JSON.stringify({ node: process.env.WHICH_NODE ?? 'real', program: ${JSON.stringify(program)}, argv: process.argv.slice(2) }))`,
    )
  }
  writeFileSync(join(path, 'dist/node'), `${process.execPath}\n`)

  // What hooks/run calls, and no Node beside it.
  const coreutils = join(path, 'coreutils')
  mkdirSync(coreutils)
  for (const name of ['readlink', 'dirname', 'ls', 'id'])
    symlinkSync(execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim(), join(coreutils, name))

  const start = (file: string, argv: readonly string[], env: Readonly<Record<string, string>>) =>
    execa('env', ['-i', ...Object.entries(env).map(([name, value]) => `${name}=${value}`), file, ...argv], {
      reject: false,
    })
  const runFile = async (
    file: string,
    argv: readonly string[],
    env: Readonly<Record<string, string>>,
  ): Promise<Said> => {
    const { exitCode, stdout, stderr } = await start(file, argv, env)
    t.strictSame([exitCode, stderr], [0, ''])
    return JSON.parse(stdout) as Said
  }
  return {
    path,
    coreutils,
    runFile,
    run: (hook: (typeof hooks)[number], argv: readonly string[], env: Readonly<Record<string, string>> = {}) =>
      runFile(join(path, 'hooks', hook), argv, env),
    /** Runs a hook that has to fail and print nothing on standard output. Returns its two lines. */
    fail: async (
      hook: (typeof hooks)[number],
      argv: readonly string[],
      env: Readonly<Record<string, string>>,
    ): Promise<string> => {
      const { exitCode, stdout, stderr } = await start(join(path, 'hooks', hook), argv, env)
      t.strictSame([exitCode, stdout, stderr.split('\n').length], [1, '', 2])
      return stderr
    },
    /** Puts a Node at this place of the copy that says which one it is, and of which version it pretends to be. */
    addNode: (place: string, version: string = process.versions.node): void => {
      const file = join(path, place)
      mkdirSync(dirname(file), { recursive: true })
      const pretence = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`
      writeFileSync(`${file}.cjs`, pretence)
      writeFileSync(file, `#!/bin/sh\nWHICH_NODE='${place}' exec '${process.execPath}' --require '${file}.cjs' "$@"\n`)
      chmodSync(file, 0o755)
    },
  }
}

/** What the programs of the copy say. */
interface Said {
  readonly node: string
  readonly program: string
  readonly argv: readonly string[]
}

/** The file below dist that a hook names. */
export function programOf(hook: (typeof hooks)[number]): string {
  return /\/run" (\S+)/.exec(readFileSync(inRepository(`hooks/${hook}`), 'utf8'))?.[1] ?? ''
}
