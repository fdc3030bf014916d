/** Findings as text. Pure. */
import { printable } from '../../wire/printable.js'
import type { Finding, Level } from './finding.js'

/** A function of cli/colour.ts. */
export type LevelPaint = (colour: 'green' | 'yellow' | 'red' | 'dim', text: string) => string

const COLOURS = { ok: 'green', warn: 'yellow', fail: 'red' } as const satisfies Record<Level, string>

/**
 * Returns a line for each finding, level first, and a last line that counts them. Text from elsewhere (rules, names) is
 * made printable.
 */
export function formatFindings(findings: readonly Finding[], paint: LevelPaint): string {
  const width = Math.max(0, ...findings.map(({ check }) => check.length))
  const lines = findings.map(({ check, level, message, fix }) => {
    const advice = fix === undefined ? '' : ` ${paint('dim', '->')} ${printable(fix)}`
    return `${paint(COLOURS[level], level.padEnd(4))}  ${check.padEnd(width)}  ${printable(message)}${advice}`
  })
  return [...lines, summary(findings)].join('\n')
}

/** Returns whether nothing failed. The exit status says the same. */
export function isWell(findings: readonly Finding[]): boolean {
  return findings.every(({ level }) => level !== 'fail')
}

function summary(findings: readonly Finding[]): string {
  const count = (wanted: Level) => findings.filter(({ level }) => level === wanted).length
  return `${count('ok')} ok, ${count('warn')} warn, ${count('fail')} fail`
}
