/** Makes a control group for a test. */
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { waitUntil } from '../../src/lab/wait-until.js'

/**
 * Makes one below `root` and writes its files; `undefined` where this machine has none like it. It goes with the test,
 * when the processes in it have ended.
 */
export function openCgroup(
  t: Test,
  root: string,
  files: Readonly<Record<string, number | string>>,
): { write(file: string, value: number | string): void } | undefined {
  const group = join(root, `certbot-nfq-test-${process.pid}`)
  const write = (file: string, value: number | string) => writeFileSync(join(group, file), String(value))
  try {
    mkdirSync(group)
  } catch {
    return undefined
  }
  t.teardown(() => waitUntil(() => isRemoved(group), 'the processes of a control group to end'))
  try {
    for (const [file, value] of Object.entries(files)) write(file, value)
    return { write }
  } catch {
    return undefined
  }
}

function isRemoved(group: string): boolean {
  try {
    rmdirSync(group)
    return true
  } catch {
    return false
  }
}
