/** The process that asks from outside (outside.ts). Started in a namespace of its own, it lays the cable, asks, takes the cable away, and ends. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { ask } from './ask.js'
import { formatBatch, planCable } from './cable.js'
import type { OutsideJob } from './outside.js'

process.once('message', (job: OutsideJob) => void work(job))

async function work({ pid, questions, limit }: OutsideJob): Promise<void> {
  const cable = planCable(randomBytes(6), pid)
  const there = ['nsenter', `--net=/proc/${pid}/ns/net`]
  try {
    await run(['ip', '-force', '-batch', '-'], formatBatch(cable.inside))
    await run([...there, 'ip', '-force', '-batch', '-'], formatBatch(cable.outside))
    const outcomes = await Promise.all(questions.map((question) => ask(question, limit)))
    process.send?.(outcomes)
  } finally {
    await run([...there, 'ip', 'link', 'delete', cable.name], '')
    if (process.connected) process.disconnect()
  }
}

/** To its end, whatever that is: what does not work is seen by the answers. */
function run([file = '', ...words]: readonly string[], input: string): Promise<void> {
  return new Promise((resolve) => {
    const child = execFile(file, words, () => resolve())
    child.stdin?.on('error', () => undefined).end(input)
  })
}
