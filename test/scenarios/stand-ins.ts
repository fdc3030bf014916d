/** Programs that stand before the real ones on a responder's PATH. A test can make them wait or fail. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { withSystemPrograms } from '../../src/lab/run.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { temporaryDirectory } from '../temporary-directory.js'

export interface StandIns {
  /** What PATH has to be for them to be found first. */
  readonly path: string
  /**
   * Lets every command whose words match this regular expression (of grep -E) fail from now on, with this text;
   * undefined: none.
   */
  refuse(pattern: string | undefined, complaint?: string): void
  /** Ends each command by SIGKILL. */
  kill(): void
  /** Lets each command take that many seconds longer, as on a machine that is busy. */
  slow(seconds: number): void
  /** Holds every command up before it does anything, from now on, until each is let go. */
  holdAll(): void
  /**
   * Waits for a command that is held up, or for the condition; gives its words, or undefined when the condition came
   * true.
   */
  nextHeld(isOver: () => Promise<boolean>): Promise<string | undefined>
  /** Lets go of what `nextHeld` gave. */
  letGo(): void
  /** Holds up no more, and lets all go. */
  letAllGo(): void
  /** The commands there have been, each as its words. */
  commands(): string[]
}

/** Makes stand-ins for these programs. Each runs the real one. Any user may run them, for a responder is not root. */
export function standIns(t: Test, ...names: readonly string[]): StandIns {
  const directory = temporaryDirectory(t)
  const held = join(directory, 'held')
  mkdirSync(held)
  for (const open of [directory, held]) chmodSync(open, 0o777)
  const at = (name: string) => join(directory, name)
  writeFileSync(at('commands'), '')
  chmodSync(at('commands'), 0o666)
  const bin = join(directory, 'bin')
  mkdirSync(bin)
  for (const name of names) writeFileSync(join(bin, name), script(directory, name), { mode: 0o755 })
  let current = ''
  const letGo = (name: string) => rmSync(join(held, name), { force: true })
  const waiting = () => readdirSync(held).filter((name) => !name.endsWith('.new'))
  return {
    path: `${bin}:${withSystemPrograms({})['PATH']}`,
    refuse: (pattern, complaint = '') => {
      rmSync(at('refused'), { force: true })
      writeFileSync(at('complaint'), `${complaint}\n`)
      if (pattern !== undefined) writeFileSync(at('refused'), `${pattern}\n`)
    },
    kill: () => writeFileSync(at('kill'), ''),
    slow: (seconds) => writeFileSync(at('slow'), `${seconds}\n`),
    holdAll: () => writeFileSync(at('hold'), ''),
    nextHeld: async (isOver) => {
      await waitUntil(async () => waiting().length > 0 || (await isOver()), 'a command, or the end')
      current = waiting()[0] ?? ''
      return current === '' ? undefined : readFileSync(join(held, current), 'utf8').trim()
    },
    letGo: () => letGo(current),
    letAllGo: () => {
      rmSync(at('hold'), { force: true })
      for (const name of waiting()) letGo(name)
    },
    commands: () =>
      existsSync(at('commands')) ? readFileSync(at('commands'), 'utf8').split('\n').filter(Boolean) : [],
  }
}

function script(directory: string, name: string): string {
  return `#!/bin/sh
echo "${name} $*" >>${directory}/commands
if [ -e ${directory}/hold ]; then
  echo "${name} $*" >${directory}/held/$$.new
  mv ${directory}/held/$$.new ${directory}/held/$$
  while [ -e ${directory}/held/$$ ]; do sleep 0.02; done
fi
[ -e ${directory}/kill ] && kill -KILL $$
[ -e ${directory}/slow ] && sleep "$(cat ${directory}/slow)"
if [ -e ${directory}/refused ] && echo "${name} $*" | grep -qE -f ${directory}/refused; then
  cat ${directory}/complaint >&2
  exit 1
fi
PATH=\${PATH#${directory}/bin:}
exec ${name} "$@"
`
}
