/** Copies the packages that are part of the build to dist/node_modules, each with its licence. */
import { cpSync, readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { pathsOf, VENDORED, type Lock } from './lock.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const lock = JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8')) as Lock

rmSync(`${root}dist/node_modules`, { recursive: true, force: true })
for (const path of pathsOf(lock, VENDORED))
  cpSync(root + path, `${root}dist/${path}`, {
    recursive: true,
    filter: (file) => isRun(file.slice((root + path).length)),
  })

/** Neither types, maps and manuals, nor the packages within, which have paths of their own. */
function isRun(file: string): boolean {
  return (
    !file.startsWith('/node_modules') && (!/\.(d\.[cm]?ts|map|md|markdown)$/i.test(file) || /licen[cs]e/i.test(file))
  )
}
