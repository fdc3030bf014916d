import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/**
 * A directory, mode 0700, that goes away with the test. Its path is short enough for a Unix socket, which that of
 * `t.testdir` may not be.
 */
export function temporaryDirectory(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'certbot-nfq-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}
