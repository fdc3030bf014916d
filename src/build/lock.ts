/**
 * package-lock.json of npm 7 and later, as far as it is looked at: what each installed package is, by its path. Pure.
 */

/**
 * The packages that are part of the build, as they were tested: in dist/node_modules, where Node looks first. npm heeds
 * package-lock.json in a clone only, and npm-shrinkwrap.json not in a tarball, so who installs one would get what is
 * newest that day. What has machine code cannot be in there: package.json names exact versions of that.
 */
export const VENDORED = ['execa', 'yargs'] as const

export interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

export interface LockedPackage {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/**
 * The paths of these packages and of all that they need, found as Node finds them, in order. What is optional counts;
 * what the lock lacks does not.
 * `names` are those of packages at the top of node_modules.
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

/** Where a package finds another one: below itself, or beside one of those that it is in. */
function resolve(packages: Lock['packages'], from: string, name: string): string {
  for (let place = from; ; place = place.slice(0, place.lastIndexOf('/node_modules/'))) {
    const path = `${place}/node_modules/${name}`
    if (packages[path] !== undefined) return path
    if (!place.includes('/node_modules/')) return `node_modules/${name}`
  }
}
