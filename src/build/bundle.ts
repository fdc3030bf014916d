/**
 * Bundles the two programs whose start is felt to one CommonJS file each, next to the modules they are made of. Node
 * starts those in half the extra time of the same ES modules; what one run imports it pays for, so hook and responder
 * are apart.
 */
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type BuildOptions, type OnResolveArgs, type OnResolveResult } from 'esbuild'

const directory = fileURLToPath(new URL('../cli/', import.meta.url))

const common: BuildOptions = {
  absWorkingDir: directory,
  outdir: directory,
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  minify: true,
  external: ['nfqueue', 'koffi'],
  // Where the bundle is, for what lies beside it.
  define: { 'import.meta.url': 'moduleUrl' },
  banner: { js: 'const moduleUrl = require("node:url").pathToFileURL(__filename).href;' },
  logLevel: 'warning',
}

/** What is only imported when it is needed stays a module of its own, named from where the bundle is. */
function apart({ path, kind, resolveDir }: OnResolveArgs): OnResolveResult | undefined {
  return kind === 'dynamic-import'
    ? { path: relative(directory, join(resolveDir, path)).replace(/^(?!\.)/, './'), external: true }
    : undefined
}

await build({
  ...common,
  entryPoints: { hook: 'hook-main.js' },
  plugins: [
    {
      name: 'rare ways apart',
      setup: (it) => it.onResolve({ filter: /\/(hung-responder|cleanup-diagnosis|self-check)\.js$/ }, apart),
    },
  ],
})

await build({
  ...common,
  entryPoints: { responder: 'responder-main.js' },
  // Its packages by require(): Node's loader of ES modules, a megabyte of memory and some milliseconds, is never
  // needed.
  supported: { 'dynamic-import': false },
})
