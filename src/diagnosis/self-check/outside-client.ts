/**
 * The process that asks from outside (outside.ts). It is started in a namespace of its own. There it lays the cable,
 * asks, takes the cable away when it is told to, and ends.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { ask } from './ask.js'
import { formatBatch } from './cable.js'
import { freeCable } from './free-cable.js'
import type { OutsideJob, OutsideNews } from './outside.js'
import { PATIENCE, patience } from './patience.js'

process.once('message', (job: OutsideJob) => void work(job))

async function work({ pid, questions }: OutsideJob): Promise<void> {
  const isDone = once(process, 'disconnect')
  const cable = await freeCable(
    pid,
    questions.map(({ address }) => address),
  )
  if (!cable) return hangUp()
  const there = ['nsenter', `--net=/proc/${pid}/ns/net`]
  try {
    await run(['ip', '-force', '-batch', '-'], formatBatch(cable.inside))
    await run([...there, 'ip', '-force', '-batch', '-'], formatBatch(cable.outside))
    const askings = questions.map(ask)
    const tell = (isOver: boolean) => {
      const news: OutsideNews = { results: askings.map(({ result }) => result), isOver }
      if (process.connected) process.send?.(news, () => undefined)
    }
    for (const { ended } of askings) void ended.then(() => tell(false))
    const done = new AbortController()
    void Promise.race([Promise.all(askings.map(({ ended }) => ended)), isDone]).then(() => done.abort())
    await patience(PATIENCE, done.signal)
    tell(true)
    await isDone
    for (const asking of askings) asking.close()
  } finally {
    await run([...there, 'ip', 'link', 'delete', cable.name], '')
    hangUp()
  }
}

/** Ends this process: nothing but the channel keeps it alive. */
function hangUp(): void {
  if (process.connected) process.disconnect()
}

/** Runs a program to its end and ignores failures. What does not work shows in the results. */
function run([file = '', ...words]: readonly string[], input: string): Promise<void> {
  return new Promise((resolve) => {
    const child = execFile(file, words, () => resolve())
    child.stdin?.on('error', () => undefined).end(input)
  })
}
