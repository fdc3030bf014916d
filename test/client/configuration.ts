import type { HookUse, MachineFacts } from '../../src/client/configuration.js'

/** The hook of a client, as a test has it. */
export function useOf(client: string, more: Partial<HookUse> = {}): HookUse {
  const path = `/etc/certbot-nfq/${client}`
  return { path, word: path, variables: [], then: undefined, ...more }
}

/** A machine with these files. Directories are those that files are in. */
export function machineWith(client: string, files: Readonly<Record<string, string>>, isServed = false): MachineFacts {
  const paths = Object.keys(files)
  return {
    isServed,
    read: (path) => files[path],
    list: (directory) =>
      paths.filter((path) => path.startsWith(`${directory}/`)).map((path) => path.slice(directory.length + 1)),
    exists: (path) => paths.some((one) => one === path || one.startsWith(`${path}/`)),
    isOurs: (path) => path === `/etc/certbot-nfq/${client}`,
  }
}
