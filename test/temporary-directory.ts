import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/**
 * Makes a directory, mode 0700, that is removed after the test. Its path is short enough for a Unix socket; that of
 * `t.testdir` may not be.
 */
export function temporaryDirectory(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'certbot-nfq-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}
