import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import t, { type Test } from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { startService } from '../../src/lab/service.js'
import { requiresKernel } from '../requires-kernel.js'
import { temporaryDirectory } from '../temporary-directory.js'

const needsRoot = await requiresKernel()
const numbers: Readonly<Record<string, bigint>> = {
  dac_override: 1n,
  dac_read_search: 2n,
  kill: 5n,
  setgid: 6n,
  setuid: 7n,
  setpcap: 8n,
  net_bind_service: 10n,
  net_admin: 12n,
  net_raw: 13n,
}

/** Stands for Node: writes its words down in a file whose name tells their order. */
const standIn = `#!/bin/sh
n=0
while [ -e "$WORDS/$n" ]; do n=$((n + 1)); done
printf '%s\\0' "$@" >"$WORDS/$n"
for word; do if [ "$word" = sweep ]; then eval "$SWEEP"; exit 0; fi; done
eval "$RESPONDER"
`

t.test('the responder gets its words and options as they are, after those for Node', needsRoot, async (t) => {
  const scene = makeScene(t)
  await scene.keep('exit 0', ['background', '--run-dir=a b', '', '*'])
  t.strictSame(scene.calls(), [['--one', '--two=2', scene.program, 'background', '--run-dir=a b', '', '*']])
})

t.test('a Node that does not know its flags runs without them', needsRoot, async (t) => {
  const scene = makeScene(t)
  t.equal(await scene.keep('[ "$1" != --one ] || exit 9; exit 4'), 4)
  t.strictSame(scene.calls(), [
    ['--one', '--two=2', scene.program, 'background'],
    [scene.program, 'background'],
    [scene.program, 'sweep', '--run-dir', scene.runDirectory],
  ])
})

t.test(
  'a trial takes the place of the shell, with the flags that this Node knows, and nothing is cleared up',
  needsRoot,
  async (t) => {
    for (const [known, flags] of [
      [true, ['--one', '--two=2']],
      [false, []],
    ] as const) {
      const scene = makeScene(t)
      t.equal(
        await scene.keep(`[ "$3" != -e ] || exit ${known ? 0 : 9}; exit 3`, ['trial', '--firewall=auto'], {}, [], ''),
        3,
      )
      t.strictSame(scene.calls(), [
        ['--one', '--two=2', '-e', '0'],
        [...flags, scene.program, 'trial', '--firewall=auto'],
      ])
      t.strictSame(readdirSync(scene.runDirectory).sort(), ['control', 'lock'])
    }
  },
)

t.test('after a good end the files go, and nothing is swept', needsRoot, async (t) => {
  const scene = makeScene(t)
  t.equal(await scene.keep('exit 0'), 0)
  t.notOk(existsSync(scene.runDirectory))
  t.equal(scene.calls().length, 1)
})

t.test('a directory that the responder removed itself is not made again', needsRoot, async (t) => {
  const scene = makeScene(t)
  t.equal(await scene.keep('rm -r "$RUN_DIRECTORY"; exit 0'), 0)
  t.notOk(existsSync(scene.runDirectory))
})

t.test('files of a responder that runs already stay', needsRoot, async (t) => {
  const scene = makeScene(t)
  const holder = startService([
    'flock',
    '--no-fork',
    join(scene.runDirectory, 'lock'),
    'sh',
    '-c',
    'echo held; exec sleep 600',
  ])
  t.teardown(() => holder.stop())
  await holder.waitForOutput(/held/)
  t.equal(await scene.keep('exit 0'), 0)
  t.strictSame(readdirSync(scene.runDirectory).sort(), ['control', 'lock'])
})

t.test('files of somebody else stay, and their directory', needsRoot, async (t) => {
  const scene = makeScene(t)
  writeFileSync(join(scene.runDirectory, 'control.bak'), '')
  t.equal(await scene.keep('exit 0'), 0)
  t.strictSame(readdirSync(scene.runDirectory), ['control.bak'])
})

t.test('after a bad end the responder’s own sweep is run, and the status is handed on', needsRoot, async (t) => {
  for (const [end, status] of [
    ['exit 1', 1],
    ['exit 7', 7],
    ['kill -KILL $$', 137],
    ['kill -SEGV $$', 139],
  ] as const) {
    const scene = makeScene(t)
    t.equal(await scene.keep(end), status, end)
    t.strictSame(scene.calls().slice(1), [[scene.program, 'sweep', '--run-dir', scene.runDirectory]], end)
    t.strictSame(readdirSync(scene.runDirectory).sort(), ['control', 'lock'], 'it is the sweep that removes files')
  }
})

t.test('who has no right to remove rules, and so had none to make them, sweeps nothing', needsRoot, async (t) => {
  const scene = makeScene(t)
  const without = ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-all']
  t.equal(await scene.keep('exit 7', ['background'], {}, without), 7)
  t.equal(scene.calls().length, 1)
})

t.test('a sweep that fails changes neither the status nor what is printed', needsRoot, async (t) => {
  const scene = makeScene(t)
  t.equal(await scene.keep('exit 3', ['background'], { SWEEP: 'echo out; echo err >&2; exit 9' }), 3)
})

t.test('without flock the sweep does it after any end', needsRoot, async (t) => {
  const scene = makeScene(t)
  t.equal(
    await scene.keep('exit 0', ['background'], { PATH: scene.pathWith('rm', 'rmdir', 'setpriv', 'env', 'cat') }),
    0,
  )
  t.strictSame(scene.calls()[1]?.slice(1), ['sweep', '--run-dir', scene.runDirectory])
})

t.test('without setpriv it goes on with the rights it has', needsRoot, async (t) => {
  const scene = makeScene(t)
  t.equal(
    await scene.keep('cat /proc/self/status >"$STATUS"; exit 0', ['background'], {
      PATH: scene.pathWith('rm', 'rmdir', 'flock', 'env', 'cat'),
    }),
    0,
  )
  t.notOk(existsSync(scene.runDirectory))
  t.match(scene.status(), { NoNewPrivs: fieldOf(readFileSync('/proc/self/status', 'utf8'), 'NoNewPrivs') })
})

// BusyBox has a setpriv without --bounding-set, which Alpine installs.
t.test('a setpriv that does not know the options is as good as none', needsRoot, async (t) => {
  const scene = makeScene(t)
  const path = scene.pathWith('rm', 'rmdir', 'flock', 'env', 'cat')
  writeFileSync(
    join(path, 'setpriv'),
    '#!/bin/sh\necho "setpriv: unrecognized option: bounding-set=-all" >&2\nexit 1\n',
  )
  chmodSync(join(path, 'setpriv'), 0o755)
  t.equal(await scene.keep('exit 0', ['background'], { PATH: path }), 0)
  t.equal(scene.calls().length, 1)
})

t.test('the rights of all below it are the list in it, and none can be had again', needsRoot, async (t) => {
  const listed = /^ +rights=-all,(.*)$/m.exec(readFileSync(inRepository('hooks/keep'), 'utf8'))?.[1]?.split(',') ?? []
  const bits = listed.reduce((sum, name) => sum | (1n << (numbers[name.slice(1)] ?? 63n)), 0n)
  t.ok(listed.length > 0 && listed.every((name) => name.startsWith('+')), listed.join())
  const scene = makeScene(t)
  await scene.keep('cat /proc/self/status >"$STATUS"; exit 0')
  const expected = bits.toString(16).padStart(16, '0')
  t.match(scene.status(), {
    CapBnd: expected,
    CapPrm: expected,
    CapEff: expected,
    CapInh: '0000000000000000',
    CapAmb: '0000000000000000',
    NoNewPrivs: '1',
  })
})

t.test('where some rights are missing already, it runs with the others', needsRoot, async (t) => {
  const scene = makeScene(t)
  t.equal(
    await scene.keep('cat /proc/self/status >"$STATUS"; exit 0', ['background'], {}, [
      'setpriv',
      '--bounding-set=-dac_read_search',
      '--inh-caps=-all',
    ]),
    0,
  )
  t.equal(BigInt(`0x${scene.status().CapBnd}`) & (1n << 2n), 0n)
})

t.test('signals are for the responder: it waits for that one’s end and clears up', needsRoot, async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    const scene = makeScene(t)
    const keeper = scene.start(
      'echo ready; while [ ! -e "$RUN_DIRECTORY/end" ]; do sleep 0.02; done; rm "$RUN_DIRECTORY/end"; exit 0',
    )
    t.teardown(() => keeper.kill('SIGKILL'))
    await new Promise((resolve) => keeper.stdout.once('data', resolve))
    keeper.kill(signal)
    keeper.kill(signal)
    writeFileSync(join(scene.runDirectory, 'end'), '')
    const { exitCode } = await keeper
    t.equal(exitCode, 0, signal)
    t.notOk(existsSync(scene.runDirectory), signal)
  }
})

t.test('a signal to both ends the responder, after which its sweep is run', needsRoot, async (t) => {
  const scene = makeScene(t)
  const keeper = scene.start('echo ready; exec sleep 600', true)
  t.teardown(() => keeper.kill('SIGKILL'))
  await new Promise((resolve) => keeper.stdout.once('data', resolve))
  process.kill(-(keeper.pid ?? 0), 'SIGTERM')
  t.equal((await keeper).exitCode, 143)
  t.equal(scene.calls()[1]?.[1], 'sweep')
})

t.test('a responder killed by somebody is cleared up after', needsRoot, async (t) => {
  const scene = makeScene(t)
  const keeper = scene.start('echo $$; exec sleep 600')
  const pid = Number(await new Promise((resolve) => keeper.stdout.once('data', resolve)))
  process.kill(pid, 'SIGKILL')
  t.equal((await keeper).exitCode, 137)
  t.equal(scene.calls()[1]?.[1], 'sweep')
})

/** What /proc/self/status says of one field. */
function fieldOf(status: string, name: string): string {
  return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? ''
}

/**
 * A run directory with socket and lock in it, and a shell script instead of Node that writes down its words, then does
 * what a test says for the responder (`RESPONDER`) or its sweep (`SWEEP`). Every path has a space in it.
 */
function makeScene(t: Test) {
  const path = join(temporaryDirectory(t), `it's a "scene" *`)
  const runDirectory = join(path, 'run directory')
  const program = join(path, 'the cli/responder.cjs')
  for (const directory of [runDirectory, join(path, 'hooks'), join(path, 'words')])
    mkdirSync(directory, { recursive: true })
  for (const file of ['control', 'lock']) writeFileSync(join(runDirectory, file), '')
  cpSync(inRepository('hooks/keep'), join(path, 'hooks/keep'))
  const node = join(path, 'a node')
  writeFileSync(node, standIn)
  chmodSync(node, 0o755)
  const statusFile = join(path, 'status')

  const start = (
    responder: string,
    words: readonly string[],
    env: Readonly<Record<string, string>>,
    before: readonly string[],
    detached: boolean,
    kept = runDirectory,
  ) => {
    const variables = {
      PATH: process.env['PATH'] ?? '',
      RESPONDER: responder,
      RUN_DIRECTORY: runDirectory,
      STATUS: statusFile,
      WORDS: join(path, 'words'),
      ...env,
    }
    const argv = [
      '-i',
      ...Object.entries(variables).map(([name, value]) => `${name}=${value}`),
      ...before,
      join(path, 'hooks/keep'),
      kept,
      node,
      '--one --two=2',
      program,
      ...words,
    ]
    return execa('/usr/bin/env', argv, { reject: false, stdin: 'ignore', detached })
  }
  return {
    runDirectory,
    program,
    start: (responder: string, detached = false) => start(responder, ['background'], {}, [], detached),
    /** Runs it to its end. Returns its exit status. It prints nothing, except what a shell prints about a signal. */
    keep: async (
      responder: string,
      words: readonly string[] = ['background'],
      env: Readonly<Record<string, string>> = {},
      before: readonly string[] = [],
      kept = runDirectory,
    ): Promise<number | undefined> => {
      const { exitCode, stdout, stderr } = await start(responder, words, env, before, false, kept)
      t.equal(stdout, '')
      t.match(stderr, /^(Killed|Segmentation fault)?( \(core dumped\))?$/)
      return exitCode
    },
    /** The words of each call of Node, in order. */
    calls: (): string[][] =>
      readdirSync(join(path, 'words'))
        .sort()
        .map((file) =>
          readFileSync(join(path, 'words', file), 'utf8')
            .split('\0')
            .slice(0, -1),
        ),
    /** What the responder wrote down of its own status. */
    status: () => {
      const text = readFileSync(statusFile, 'utf8')
      const names = ['CapBnd', 'CapPrm', 'CapEff', 'CapInh', 'CapAmb', 'NoNewPrivs'] as const
      return Object.fromEntries(names.map((name) => [name, fieldOf(text, name)])) as Record<
        (typeof names)[number],
        string
      >
    },
    /** A PATH of its own with only these programs. */
    pathWith: (...programs: readonly string[]): string => {
      const directory = join(path, 'bin')
      mkdirSync(directory)
      for (const program of programs)
        symlinkSync(
          execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim(),
          join(directory, program),
        )
      return directory
    },
  }
}
