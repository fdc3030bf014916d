/** Writes manual pages to dist/man and completion to dist/completion, for npm and the Debian package. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { version } from '../cli/version.js'
import { bashCompletion, zshCompletion } from './completion.js'
import { manualPages } from './manual.js'

write('man', manualPages(version))
write('completion', { 'certbot-nfq.bash': bashCompletion(), '_certbot-nfq': zshCompletion() })

function write(directory: string, files: Readonly<Record<string, string>>): void {
  const place = new URL(`../${directory}/`, import.meta.url)
  mkdirSync(place, { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(new URL(name, place), text)
}
