import { existsSync } from 'node:fs'
import t from 'tap'
import type { Test } from 'tap'
import { createNamespace, type Namespace } from '../../src/lab/namespace.js'
import type { ProcessInfo } from '../../src/lab/processes.js'
import { run } from '../../src/lab/run.js'
import type { Service } from '../../src/lab/service.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { urlOf, withBuiltModule } from '../kernel/built-module.js'
import { requiresKernel } from '../requires-kernel.js'

const options = await requiresKernel('nft')
const noSuchFile = 'nft: Could not process rule: No such file or directory'

/** Does what it reads, a line of JSON each: number, verb, line; writes the number and what came of it. */
const speaker = `
  import { spawn } from 'node:child_process'
  import { createInterface } from 'node:readline'
  const { nftDialect } = await import(${urlOf('firewall/nft/dialect.js')})
  const { restoreDialect } = await import(${urlOf('firewall/iptables/dialect.js')})
  const { PROGRAM, LIMIT } = process.env
  const kept = it.converseFor(Number(LIMIT) * 1000, PROGRAM === 'nft' ? nftDialect : restoreDialect(PROGRAM))
  const verbs = {
    say: (line) => kept.say(line).then(() => 'done', ({ code, message }) => (code === 'firewall-failed' ? message : code)),
    end: () => kept.end().then(() => 'done'),
    isAlive: () => kept.isAlive,
    startSleeper: () => spawn('sleep', ['60'], { stdio: 'ignore', detached: true }).pid,
  }
  for await (const text of createInterface(process.stdin)) {
    const [number, verb, line] = JSON.parse(text)
    show([number, await verbs[verb](line)])
  }`

let namespaces = 0

t.test('what is said is done when the promise resolves, one line after another', options, async (t) => {
  const { spoken, tables } = await converse(t)
  t.equal(await spoken.say('add table ip one'), 'done')
  t.strictSame(await tables(), ['table ip one'])
  t.equal(await spoken.say('delete table ip one; add table ip6 two; add chain ip6 two c'), 'done')
  t.strictSame(await tables(), ['table ip6 two'], 'several commands are one transaction')
  await spoken.end()
})

t.test('a refusal is said in nft’s own first line, and changes nothing, not even later lines', options, async (t) => {
  const { spoken, tables } = await converse(t)
  t.equal(await spoken.say('delete table ip absent'), noSuchFile)
  t.equal(await spoken.say('add table ip half; delete table ip absent'), noSuchFile)
  t.strictSame(await tables(), [], 'all or nothing')
  t.match(
    await spoken.say('nonsense'),
    /^nft: syntax error, unexpected newline, expecting string( or last)?$/,
    'as nft 1.0 and 1.1 say it',
  )
  t.match(await spoken.say('add table ip whole; nonsense words'), /^nft: syntax error, unexpected /)
  t.match(
    await spoken.say('add rule ip x y tcp dport 99999; add rule ip x y tcp dport 99999'),
    /^nft: (?!.*\n)/,
    'several complaints',
  )
  t.equal(await spoken.say('add table ip whole'), 'done')
  t.equal(await spoken.say('delete table ip absent'), noSuchFile)
  t.equal(await spoken.say('delete table ip whole'), 'done')
  t.strictSame(await tables(), [])
  t.equal(await spoken.isAlive(), true)
  await spoken.end()
})

t.test('a line of a hundred thousand bytes is taken as one', options, async (t) => {
  const { spoken, tables } = await converse(t)
  t.equal(
    await spoken.say(
      Array.from({ length: 3_000 }, (_, index) => `add chain ip long c${index}`).reduce(
        (line, command) => `${line}; ${command}`,
        'add table ip long',
      ),
    ),
    'done',
  )
  t.strictSame(await tables(), ['table ip long'])
  await spoken.end()
})

t.test('an nft that dies answers with a failure, now and later', options, async (t) => {
  const { spoken, processId } = await converse(t)
  await spoken.say('add table ip one')
  process.kill(await processId(), 'SIGSTOP')
  const answer = spoken.say('add table ip two')
  process.kill(await processId(), 'SIGKILL')
  t.equal(await answer, 'nft: ended unexpectedly')
  t.equal(await spoken.isAlive(), false)
  t.equal(await spoken.say('add table ip three'), 'nft: ended unexpectedly')
  await spoken.end()
})

t.test('its end is waited for, and with it go the tables it owns, and only those', options, async (t) => {
  const { spoken, processId, tables } = await converse(t)
  await spoken.say('add table ip owned { flags owner; }; add table ip plain')
  t.strictSame(await tables(), ['table ip owned', 'table ip plain'])
  const pid = await processId()
  await spoken.end()
  t.notOk(existsSync(`/proc/${pid}`))
  t.equal(await spoken.isAlive(), false)
  // The kernel removes them when the socket is closed, which is before the process has ended.
  t.strictSame(await tables(), ['table ip plain'])
})

t.test('nobody else can take an owned table away', options, async (t) => {
  const { spoken, namespace, tables } = await converse(t)
  await spoken.say('add table ip owned { flags owner; }')
  await namespace.exec(['nft', 'flush', 'ruleset'])
  t.match(await namespace.exec(['nft', 'delete', 'table', 'ip', 'owned'], { reject: false }), { exitCode: 1 })
  t.strictSame(await tables(), ['table ip owned'])
  t.equal(await spoken.say('delete table ip owned'), 'done')
  t.strictSame(await tables(), [])
  await spoken.end()
})

t.test('however its parent ends, the tables it owns go', options, async (t) => {
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const { spoken, service, tables } = await converse(t)
    await spoken.say('add table ip owned { flags owner; }')
    t.strictSame(await tables(), ['table ip owned'])
    // Children that the parent starts meanwhile inherit nothing that keeps the pipe open.
    await spoken.startSleeper()
    await service.stop(signal)
    await waitUntil(async () => (await tables()).length === 0, `the tables to go after ${signal}`)
  }
})

t.test('a signal to its parent’s process group does not reach it', options, async (t) => {
  const { spoken, processId, service } = await converse(t)
  await spoken.say('list tables')
  const group = async (pid: number) =>
    (await run(['ps', '-o', 'pgid=,sid=', '-p', String(pid)])).stdout.trim().split(/\s+/)
  const [processGroup, session] = await group(await processId())
  t.equal(processGroup, String(await processId()))
  t.not(session, (await group(service.pid))[1])
  await spoken.end()
})

t.test('one that is stopped is ended, and its tables with it', options, async (t) => {
  for (const verb of ['say', 'end'] as const) {
    const { spoken, processId, tables } = await converse(t, 5)
    t.equal(await spoken.say('add table ip owned { flags owner; }'), 'done')
    process.kill(await processId(), 'SIGSTOP')
    t.equal(await spoken[verb]('delete table ip owned'), verb === 'say' ? 'nft: no answer within 5 s' : 'done', verb)
    t.equal(await spoken.isAlive(), false, verb)
    t.strictSame(await tables(), [], verb)
  }
})

/** A change of the mangle table, as one transaction. */
const mangle = (...lines: readonly string[]) => ['*mangle', ...lines, 'COMMIT'].join('\n')

t.test('an iptables-restore that is kept running', await requiresKernel(), async (t) => {
  for (const family of ['iptables-nft', 'ip6tables-nft', 'iptables-legacy', 'ip6tables-legacy']) {
    const program = `${family}-restore`
    t.test(`${program} does what it is told, whatever others do in between, and ends at a refusal`, async (t) => {
      const { spoken, namespace, processId } = await converse(t, 60, program)
      // Waits for the lock only a moment: nobody holds it between two changes.
      const iptables = (words: string) => namespace.exec([family, '-w', '1', '-t', 'mangle', ...words.split(' ')])
      const rules = async () => (await iptables('-S')).stdout.split('\n').filter((line) => /^-[AN]/.test(line))
      const change = (port: number) =>
        mangle('-D INPUT -p tcp -j ours', '-I INPUT 1 -p tcp -j ours', '-F ours', `-A ours -p tcp --dport ${port}`)
      const jump = '-A INPUT -p tcp -j ours'
      const ours = (port: number) => `-A ours -p tcp -m tcp --dport ${port}`
      const foreign = '-A INPUT -p udp -j ACCEPT'
      await iptables('-N ours')
      await iptables(jump)
      t.equal(await spoken.say(change(80)), 'done')
      t.strictSame(await rules(), ['-N ours', jump, ours(80)])
      const first = await processId()
      await iptables(foreign)
      await iptables('-F ours')
      t.equal(await spoken.say(change(81)), 'done')
      t.strictSame(await rules(), ['-N ours', jump, foreign, ours(81)])
      t.equal(await processId(), first)
      await iptables('-D INPUT -p tcp -j ours')
      t.match(await spoken.say(change(82)), new RegExp(`^${program}: .*line \\d+ failed`))
      t.strictSame(await rules(), ['-N ours', foreign, ours(81)], 'all or nothing')
      t.equal(await spoken.isAlive(), false)
      t.equal(await spoken.say(change(82)), `${program}: ended unexpectedly`)
    })
  }

  t.test('it does not stay when it is stopped, nor when its parent is killed', async (t) => {
    const stopped = await converse(t, 2, 'iptables-nft-restore')
    process.kill(await stopped.processId(), 'SIGSTOP')
    t.equal(await stopped.spoken.say(mangle('-F')), 'iptables-nft-restore: no answer within 2 s')
    t.equal(await stopped.spoken.isAlive(), false)
    for (const program of ['iptables-nft-restore', 'iptables-legacy-restore']) {
      const { service, spoken, processId } = await converse(t, 60, program)
      t.equal(await spoken.isAlive(), true)
      const pid = await processId()
      await service.stop('SIGKILL')
      await waitUntil(() => !existsSync(`/proc/${pid}`), `the end of ${program}`)
    }
  })
})

/**
 * A process in a namespace of its own that holds a conversation with a program, with a time limit in seconds, and what
 * the test makes it say.
 */
async function converse(t: Test, limit = 60, program = 'nft') {
  const name = `cnfq-nft-talk-${process.pid}-${namespaces++}`
  t.teardown(() => run(['ip', 'netns', 'delete', name], { reject: false }))
  const namespace = await createNamespace(name, 'lo', { ipv4: '127.0.0.1', ipv6: '::1' })
  const service = namespace.spawn(withBuiltModule('firewall/conversation.js', speaker), {
    stdin: 'pipe',
    env: { LIMIT: String(limit), PROGRAM: program },
  })
  t.teardown(() => service.stop('SIGKILL'))
  let asked = 0
  const ask = async (verb: string, line = ''): Promise<unknown> => {
    const number = asked++
    service.write(`${JSON.stringify([number, verb, line])}\n`)
    const [, answer = ''] = await service.waitForOutput(new RegExp(`^\\[${number},(.*)\\]$`, 'm'))
    return JSON.parse(answer)
  }
  return {
    namespace,
    service,
    spoken: {
      say: (line: string) => ask('say', `${line}\n`) as Promise<string>,
      end: () => ask('end'),
      isAlive: () => ask('isAlive'),
      startSleeper: () => startSleeper(t, ask),
    },
    processId: () => processIdOf(program, namespace, service),
    tables: async () => (await namespace.exec(['nft', 'list', 'tables'])).stdout.split('\n').filter(Boolean),
  }
}

/** Starts another child of the speaker, which outlives it and is ended with the test. */
async function startSleeper(t: Test, ask: (verb: string) => Promise<unknown>): Promise<void> {
  const pid = Number(await ask('startSleeper'))
  t.teardown(() => process.kill(pid, 'SIGKILL'))
}

async function processIdOf(program: string, namespace: Namespace, { pid }: Service): Promise<number> {
  const words = [program, program === 'nft' ? '-i' : '--noflush'].join(' ')
  const isIt = ({ command, pid: other }: ProcessInfo) => command.startsWith(words) && other !== pid
  let found: ProcessInfo | undefined
  // A child has the name of its parent until it has become the program.
  await waitUntil(async () => (found = (await namespace.processes()).find(isIt)) !== undefined, `a ${program}`)
  return found?.pid ?? 0
}
