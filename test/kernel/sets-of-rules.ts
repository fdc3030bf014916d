import { setsFor } from '../../src/firewall/iptables/sets.js'
import type { Namespace } from '../../src/lab/lab.js'
import type { IpVersion } from '../../src/wire/ip.js'
import { withBuiltModule } from './built-module.js'

/** Makes the sets that rules of iptables with this tag refer to, in a namespace. */
export async function makeSets(namespace: Namespace, tag: string, version: IpVersion): Promise<void> {
  const making = `for (const { name, kind } of ${JSON.stringify(setsFor(tag, version))})
    await it.ipSets.make(name, ${version}, kind)`
  await namespace.exec(withBuiltModule('kernel/ip-sets.js', making))
}
