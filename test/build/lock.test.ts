import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { pathsOf, VENDORED, type Lock, type LockedPackage } from '../../src/build/lock.js'
import { inRepository } from '../../src/lab/repository.js'

t.test('a package is found below the one that needs it, or beside one of those around it', (t) => {
  const lock: Lock = {
    packages: {
      '': {},
      'node_modules/a': {
        dependencies: { 'b': '1', '@s/c': '1' },
        optionalDependencies: { 'not-here': '1', 'd': '1' },
      },
      'node_modules/a/node_modules/b': { dependencies: { 'd': '2', '@s/c': '1' } },
      'node_modules/a/node_modules/b/node_modules/d': {},
      'node_modules/b': {},
      'node_modules/@s/c': { dependencies: { a: '1' } },
      'node_modules/d': {},
      'node_modules/e': {},
    },
  }
  t.strictSame(pathsOf(lock, ['a']), [
    'node_modules/@s/c',
    'node_modules/a',
    'node_modules/a/node_modules/b',
    'node_modules/a/node_modules/b/node_modules/d',
    'node_modules/d',
  ])
  t.strictSame(pathsOf(lock, ['not-here']), [])
  t.end()
})

const lock = readJson('package-lock.json') as {
  packages: Record<string, LockedPackage & { version: string; resolved?: string }>
}

t.test('what is part of the build is in it, at the locked versions, each with its licence', (t) => {
  const paths = pathsOf(lock, VENDORED)
  for (const name of VENDORED) t.ok(paths.includes(`node_modules/${name}`), name)
  for (const path of paths) {
    t.match(readJson(`dist/${path}/package.json`), { version: lock.packages[path]?.version }, path)
    t.ok(
      readdirSync(inRepository(`dist/${path}`)).some((name) => /licen[cs]e/i.test(name)),
      path,
    )
  }
  t.end()
})

t.test('what npm installs for a user is named by exact versions, and the lock names no address', (t) => {
  const { dependencies } = readJson('package.json') as { dependencies: Record<string, string> }
  for (const [name, version] of Object.entries(dependencies))
    t.equal(version, lock.packages[`node_modules/${name}`]?.version, name)
  for (const path of pathsOf(lock, Object.keys(dependencies))) {
    const needed = { ...lock.packages[path]?.dependencies, ...lock.packages[path]?.optionalDependencies }
    for (const [name, version] of Object.entries(needed))
      t.ok(/^\d+\.\d+\.\d+$/.test(version) || dependencies[name] !== undefined, `${path} needs ${name} ${version}`)
  }
  t.strictSame(
    Object.entries(lock.packages).filter(([, { resolved }]) => resolved !== undefined),
    [],
  )
  t.end()
})

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(inRepository(path), 'utf8'))
}
