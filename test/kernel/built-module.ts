import { pathToFileURL } from 'node:url'
import { inRepository } from '../../src/lab/repository.js'

/**
 * The words that run `body` in a Node of its own, as a test in a namespace has to: a process stays in the one it was
 * started in. What the built module `file` (below dist) exports is there as `it`; `show(value)` writes a line of JSON.
 */
export function withBuiltModule(file: string, body: string): string[] {
  const source = `import * as it from ${urlOf(file)}\nconst show = (value) => console.log(JSON.stringify(value))\n${body}`
  // Without what tap adds to every Node.
  return ['env', '-u', 'NODE_OPTIONS', process.execPath, '--input-type=module', '--eval', source]
}

/**
 * The statement that makes `libc` the C library in such a body: Node's own setuid and the like are refused by a Node
 * with a shared libuv, as distributions have it.
 */
export const WITH_LIBC = `const libc = await (await import(${urlOf('kernel/libc.js')})).loadLibc()`

/** Returns the URL of a built module (a file below dist), as a string literal of such a body. */
export function urlOf(file: string): string {
  return JSON.stringify(pathToFileURL(inRepository(`dist/${file}`)).href)
}
