/** Reads package-lock.json of npm 7 and later: each installed package by its path. Pure. */

/**
 * The packages that are part of the build, in the versions that were tested. They are in dist/node_modules, where Node
 * looks first. npm uses package-lock.json only in a clone, and does not use npm-shrinkwrap.json of a tarball. So
 * whoever installs a tarball would get the newest versions of that day. Packages with machine code cannot be part of
 * the build; package.json names exact versions of those.
 */
export const VENDORED = ['@redis/client', 'execa', 'yargs'] as const

/** The part of a lock file that is looked at. */
export interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

/** One installed package. */
export interface LockedPackage {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/**
 * Returns the paths of these packages and of all that they need, in order, found as Node finds them. Optional packages
 * count; what the lock lacks does not. `names` are names of packages at the top of node_modules.
 */
export function pathsOf({ packages }: Lock, names: readonly string[]): string[] {
  const found = new Set<string>()
  const waiting = names.map((name) => `node_modules/${name}`)
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const { dependencies, optionalDependencies } = packages[path] ?? {}
    if (packages[path] === undefined || found.has(path)) continue
    found.add(path)
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies }))
      waiting.push(resolve(packages, path, name))
  }
  return [...found].sort()
}

/** Returns the path where a package finds another one: below itself, or beside one of those that it is in. */
function resolve(packages: Lock['packages'], from: string, name: string): string {
  for (let place = from; ; place = place.slice(0, place.lastIndexOf('/node_modules/'))) {
    const path = `${place}/node_modules/${name}`
    if (packages[path] !== undefined) return path
    if (!place.includes('/node_modules/')) return `node_modules/${name}`
  }
}
