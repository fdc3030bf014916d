/**
 * Module hooks of Node for the tests of a mutant: gives the instrumented code where there is some, and else the
 * TypeScript as JavaScript.
 */
import { existsSync, readFileSync } from 'node:fs'
import type { LoadHook, ResolveHook } from 'node:module'
import { fileURLToPath } from 'node:url'
import { transformSync } from 'esbuild'

let instrumented: Readonly<Record<string, string>> = {}

/** `path`: JSON of source file to the file of its instrumented code. */
export function initialize({ path }: { readonly path: string }): void {
  instrumented = JSON.parse(readFileSync(path, 'utf8')) as typeof instrumented
}

export const resolve: ResolveHook = (specifier, context, next) => {
  if (!/^\.{1,2}\//.test(specifier) || !specifier.endsWith('.js')) return next(specifier, context)
  const url = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL)
  return existsSync(url) ? { url: url.href, shortCircuit: true } : next(specifier, context)
}

export const load: LoadHook = (url, context, next) => {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context)
  const path = fileURLToPath(url)
  const own = instrumented[path]
  const source =
    own === undefined
      ? transformSync(readFileSync(path, 'utf8'), { loader: 'ts', target: 'es2022', format: 'esm' }).code
      : readFileSync(own, 'utf8')
  return { format: 'module', source, shortCircuit: true }
}
