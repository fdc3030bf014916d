/**
 * Turns what `npm sbom --sbom-format=cyclonedx --package-lock-only` writes, on standard input, into the bill of
 * materials of a release, at the path given.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { VENDORED } from './lock.js'
import { sbomOf, type PinnedNode, type Sbom } from './sbom.js'

const read = (path: string) => JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')) as unknown
const { name, dependencies } = read('package.json') as { name: string; dependencies: Record<string, string> }

const everything = JSON.parse(readFileSync(0, 'utf8')) as Sbom
const time = new Date(Number(process.env['SOURCE_DATE_EPOCH']) * 1000)
const sbom = sbomOf(everything, {
  name,
  packages: [...Object.keys(dependencies), ...VENDORED],
  node: read('src/build/deb/node.json') as PinnedNode,
  time,
})
writeFileSync(process.argv[2] ?? '', `${JSON.stringify(sbom, null, 2)}\n`)
