/** The zones and delegations that the tests use. The server is 192.0.2.1 and 2001:db8::1, as in every lab. */
import type { Zone } from './name-servers.js'
import { startOfZone, type WorldOptions } from './world.js'

const SERVER = ['A 192.0.2.1', 'AAAA 2001:db8::1']

/** Longer than fits into a UDP message of 1232 bytes. */
const LONG = Array.from({ length: 8 }, (_, at) => `long TXT "${String(at).repeat(200)}"`)

/** The zone of a user who has a name server of their own. */
export const OWN_ZONE: Zone = {
  name: 'example.com.',
  records: [
    ...startOfZone('ns1'),
    ...['@', 'ns1', 'www'].flatMap((name) => SERVER.map((record) => `${name} ${record}`)),
    'text TXT "a bystander"',
    ...LONG,
  ],
}

/** example.com is the server's own. */
export const OWN: WorldOptions = {
  com: ['example NS ns1.example', ...SERVER.map((record) => `ns1.example ${record}`)],
}

/** A provider has example.com, but for `_acme-challenge.example.com`, which it delegates to the server. */
export const DELEGATION: WorldOptions = {
  provided: [
    {
      name: 'example.com.',
      records: [
        ...startOfZone('a.root.'),
        ...SERVER.flatMap((record) => [`@ ${record}`, `acme ${record}`]),
        '_acme-challenge NS acme',
      ],
    },
  ],
}

/** A provider has example.com, with an alias into a zone that is delegated to the server. */
export const ALIAS: WorldOptions = {
  net: ['auth.example NS acme.example', ...SERVER.map((record) => `acme.example ${record}`)],
  provided: [
    {
      name: 'example.com.',
      records: [
        ...startOfZone('a.root.'),
        ...SERVER.map((record) => `@ ${record}`),
        '_acme-challenge CNAME _acme-challenge.example.com.auth.example.net.',
      ],
    },
  ],
}
