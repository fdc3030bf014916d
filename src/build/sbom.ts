/**
 * The bill of materials of a release, in CycloneDX: what `npm sbom` reports of the whole lock, without what serves
 * development, and with Node. Pure.
 */
import { createHash } from 'node:crypto'

/** The part of CycloneDX 1.5, as `npm sbom` writes it, that is looked at. */
export interface Sbom {
  readonly serialNumber: string
  readonly metadata: { readonly timestamp: string; readonly component: Component }
  readonly components: readonly Component[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[]
}

interface Component {
  readonly 'bom-ref': string
  readonly 'type': string
  readonly 'name': string
  readonly 'version': string
  readonly [field: string]: unknown
}

/** The content of src/build/deb/node.json: hashes by package of the npm registry, as in a lock file. */
export interface PinnedNode {
  readonly version: string
  readonly integrity: Readonly<Record<string, string>>
}

/** What is released, and when. */
export interface Release {
  readonly name: string
  /** The packages that a user gets: those that npm installs, and those in the build. */
  readonly packages: readonly string[]
  readonly node: PinnedNode
  readonly time: Date
}

/**
 * Returns the bill of materials. It is the same for the same release: its time is the time of the release, and its
 * number is derived from its contents.
 */
export function sbomOf(everything: Sbom, { name, packages, node, time }: Release): Sbom {
  const { metadata } = everything
  const used = refsOf(everything, packages)
  const nodes = Object.entries(node.integrity).map(([name, integrity]) => nodeComponent(name, node.version, integrity))
  const sbom: Sbom = {
    ...everything,
    serialNumber: '',
    // npm takes the name from the directory.
    metadata: {
      ...metadata,
      timestamp: time.toISOString(),
      component: { ...metadata.component, name, type: 'application' },
    },
    components: [...everything.components.filter((one) => used.has(one['bom-ref'])).map(asUsed), ...nodes],
    dependencies: everything.dependencies.flatMap(({ ref, dependsOn }) => {
      if (ref === metadata.component['bom-ref'])
        return [
          { ref, dependsOn: [...dependsOn.filter((one) => used.has(one)), ...nodes.map((one) => one['bom-ref'])] },
        ]
      return used.has(ref) ? [{ ref, dependsOn }] : []
    }),
  }
  return { ...sbom, serialNumber: `urn:uuid:${uuidOf(JSON.stringify(sbom))}` }
}

/** Returns the references of these packages at the top, and of all that they need. */
function refsOf({ metadata, components, dependencies }: Sbom, packages: readonly string[]): Set<string> {
  const needed = new Map(dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]))
  const nameOf = new Map(components.map((one) => [one['bom-ref'], one.name]))
  const found = new Set<string>()
  const waiting = (needed.get(metadata.component['bom-ref']) ?? []).filter((ref) =>
    packages.includes(nameOf.get(ref) ?? ''),
  )
  for (let ref = waiting.pop(); ref !== undefined; ref = waiting.pop()) {
    if (found.has(ref)) continue
    found.add(ref)
    waiting.push(...(needed.get(ref) ?? []))
  }
  return found
}

/** Marks a component as required. npm has the packages in the build as packages for development. */
function asUsed(component: Component): Component {
  const properties = component['properties'] as readonly { readonly name: string }[] | undefined
  const isVendored = properties?.some(({ name }) => name === 'cdx:npm:package:development') === true
  return isVendored
    ? {
        ...component,
        scope: 'required',
        properties: properties.filter(({ name }) => name !== 'cdx:npm:package:development'),
      }
    : component
}

function nodeComponent(name: string, version: string, integrity: string): Component {
  return {
    'bom-ref': `${name}@${version}`,
    'type': 'platform',
    name,
    version,
    'scope': 'required',
    'description': 'Node.js, in the Debian package of this architecture',
    'purl': `pkg:npm/${name}@${version}`,
    'hashes': [{ alg: 'SHA-512', content: Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').toString('hex') }],
    'licenses': [{ license: { id: 'MIT' } }],
  }
}

/** Returns a UUID of version 8 (RFC 9562), made from a hash. */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
