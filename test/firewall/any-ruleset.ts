import { http01Selector } from '../../src/challenge/http-01/selector.js'
import type { Ruleset } from '../../src/firewall/ruleset.js'

export const token = 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA'

/** A ruleset for port 80 and one token, of no family. */
export const anyRuleset: Ruleset = {
  tag: 'ab',
  selectors: [http01Selector([80], [token])],
  queue: 8555,
  mark: 0x400000,
  families: [],
  selection: 'prefilter',
}
