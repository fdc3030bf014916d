/** Runs tap with the given arguments and reports it (report.ts). The exit status is 0 only if nothing failed. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Report } from './report.js'

const tap = fileURLToPath(new URL('../../node_modules/.bin/tap', import.meta.url))
const report = new Report((line) => process.stdout.write(`${line}\n`))
let errors = ''

const child = spawn(tap, ['run', '--reporter=tap', ...process.argv.slice(2)], { stdio: ['inherit', 'pipe', 'pipe'] })
// The whole group gets it; tap ends its tests, and says so.
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => child.kill('SIGTERM'))
child.stdout.setEncoding('utf8').on('data', (text: string) => report.take(text))
child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
child.on('error', (error) => (errors += `${error.message}\n`))
child.on('close', (status) => {
  process.exitCode = report.finish(status, errors).failed > 0 ? 1 : 0
})
