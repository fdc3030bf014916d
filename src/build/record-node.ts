/** Writes the path of the Node that builds to dist/node, for hooks/run to find when PATH is short. */
import { writeFileSync } from 'node:fs'

writeFileSync(new URL('../node', import.meta.url), `${process.execPath}\n`)
