import { writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import t from 'tap'
import { nftDialect } from '../../src/firewall/nft/dialect.js'
import { temporaryDirectory } from '../temporary-directory.js'

/** An nft whose complaints come in two pieces, the second one as late as can be: with the next line. */
const SLOW_NFT = `#!/bin/sh
while read -r line; do
  case $line in said-*) ;; *) continue ;; esac
  printf '%sError: syntax error, unexpected newline, expecting string\\n%s\\n' "$late" "$line" >&2
  late='^^^^^^
'
done
`

t.test('the end of a complaint that comes late is not taken for a refusal of the next line', async (t) => {
  const directory = temporaryDirectory(t)
  writeFileSync(join(directory, 'nft'), SLOW_NFT, { mode: 0o755 })
  process.env['PATH'] = [directory, process.env['PATH']].join(delimiter)
  // It reads PATH when it is loaded.
  const { converse } = await import('../../src/firewall/conversation.js')
  const nft = converse(nftDialect)
  for (const line of ['add table ip one\n', 'add table ip two\n']) await t.resolves(nft.say(line), line)
  await nft.end()
})
