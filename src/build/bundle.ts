/**
 * Bundles the two programs whose start is felt to one CommonJS file each, next to the modules they are made of. Node starts those
 * in half the extra time of the same ES modules; what one run imports it pays for, so hook and responder are apart.
 */
import { fileURLToPath } from 'node:url'
import { build, type BuildOptions } from 'esbuild'

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

await build({
  ...common,
  entryPoints: { hook: 'hook-main.js' },
  plugins: [{ name: 'rare ways apart', setup: (it) => it.onResolve({ filter: /\/(sweep|cleanup-verdict|self-check)\.js$/ }, ({ path, importer }) => (importer.endsWith('hook-command.js') ? { path, external: true } : undefined)) }],
})

await build({
  ...common,
  entryPoints: { responder: 'responder-main.js' },
  // Its packages by require(): Node's loader of ES modules, a megabyte of memory and some milliseconds, is never needed.
  supported: { 'dynamic-import': false },
})
