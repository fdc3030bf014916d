/** Copies the packages that are part of the build to dist/node_modules, each with its licence. */
import { cpSync, lchownSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { pathsOf, VENDORED, type Lock } from './lock.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const lock = JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8')) as Lock

rmSync(`${root}dist/node_modules`, { recursive: true, force: true })
for (const path of pathsOf(lock, VENDORED))
  cpSync(root + path, `${root}dist/${path}`, {
    recursive: true,
    filter: (file) => isRun(file.slice((root + path).length)),
  })
await joinFiles('@redis/client')
takeOver(`${root}dist/node_modules`)

/**
 * Makes one file of a package that has hundreds, in its place, beside its licence and package.json. A hook loads it in
 * a sixth of the time.
 */
async function joinFiles(name: string): Promise<void> {
  const [from, to] = [`${root}node_modules/${name}`, `${root}dist/node_modules/${name}`]
  // The package has no file with its licence, which has to come along.
  cpSync(`${root}src/build/redis-client.licence`, `${to}/LICENSE`)
  const { main } = JSON.parse(readFileSync(`${from}/package.json`, 'utf8')) as { main: string }
  rmSync(`${to}/dist`, { recursive: true, force: true })
  await build({
    entryPoints: [`${from}/${main}`],
    outfile: join(to, main),
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    // Neither of them is a must, and we have neither.
    external: ['@node-rs/xxhash', '@opentelemetry/api'],
    logLevel: 'warning',
  })
}

/**
 * Gives everything in a directory the owner of the directory. npm 9, run as root, gives the files of a package the
 * owners that they had where it was packed, and newer versions of libuv copy owners too. Any user who happens to have
 * such an id could change what root runs.
 */
function takeOver(directory: string): void {
  const { uid, gid } = statSync(directory)
  for (const file of readdirSync(directory, { recursive: true, encoding: 'utf8' }))
    lchownSync(`${directory}/${file}`, uid, gid)
}

/**
 * Returns whether a file is needed to run the package: not types, maps, manuals and hidden files, nor the packages
 * inside, which have paths of their own.
 */
function isRun(file: string): boolean {
  return (
    !/^\/node_modules|\/\./.test(file) && (!/\.(d\.[cm]?ts|map|md|markdown)$/i.test(file) || /licen[cs]e/i.test(file))
  )
}
