import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

/**
 * Puts programs with the names of the firewall's on PATH, before those of this machine, which may have none. Each of
 * them fails. Call this before src/firewall/run.ts is loaded, which reads PATH once. The test's own `Run` answers
 * instead of them.
 */
export function putFirewallProgramsOnPath(): void {
  const directory = mkdtempSync(join(tmpdir(), 'certbot-nfq-programs-'))
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
  for (const variant of ['', '-nft', '-legacy']) {
    for (const family of ['iptables', 'ip6tables']) {
      for (const verb of ['', '-save', '-restore']) makeProgram(join(directory, `${family}${variant}${verb}`))
    }
  }
  makeProgram(join(directory, 'nft'))
  process.env['PATH'] = [directory, process.env['PATH']].join(delimiter)
}

function makeProgram(path: string): void {
  writeFileSync(path, '#!/bin/sh\nexit 1\n')
  chmodSync(path, 0o755)
}
