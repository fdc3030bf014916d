// Fails unless an installation has just what package-lock.json names, at those versions: node
// test/package/installed-versions.js DIRECTORY
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { pathsOf, VENDORED } from '../../dist/build/lock.js'

const [directory] = process.argv.slice(2)
const lock = readJson(new URL('../../package-lock.json', import.meta.url))
const isForHere = ({ os = ['linux'], cpu = [process.arch] }) => os.includes('linux') && cpu.includes(process.arch)
const expected = (names) =>
  Object.fromEntries(
    pathsOf(lock, names)
      .filter((path) => isForHere(lock.packages[path]))
      .map((path) => [path, lock.packages[path].version]),
  )

assert.deepEqual(installed(''), expected(Object.keys(lock.packages[''].dependencies)))
assert.deepEqual(installed('dist/'), expected(VENDORED))

/** Version by path of every package below node_modules of this part of the installation, in order. */
function installed(part) {
  const found = {}
  const visit = (place) => {
    for (const name of existsSync(`${directory}/${part}${place}`) ? readdirSync(`${directory}/${part}${place}`) : []) {
      const path = `${place}/${name}`
      if (name.startsWith('@')) visit(path)
      else if (!name.startsWith('.')) {
        found[path] = readJson(`${directory}/${part}${path}/package.json`).version
        visit(`${path}/node_modules`)
      }
    }
  }
  visit('node_modules')
  return Object.fromEntries(Object.entries(found).sort(([one], [other]) => (one < other ? -1 : 1)))
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'))
}
