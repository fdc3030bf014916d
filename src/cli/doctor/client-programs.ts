/** Is there an ACME client on this machine at all? */
import { delimiter, join } from 'node:path'
import type { Remark } from '../../client/configuration.js'

/** The programs of those that certbot-nfq was tried with, and of their like. */
const PROGRAMS = [
  'certbot',
  'uacme',
  'dehydrated',
  'acmetool',
  'lego',
  'acme.sh',
  'getssl',
  'acme-tiny',
  'acme_tiny.py',
]

/** Where they also are. PATH is short under sudo, systemd and cron. The last is certbot's own advice for pip. */
const USUAL = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/snap/bin',
  '/var/lib/snapd/snap/bin',
  '/opt/certbot/bin',
]

/** What a look for programs takes. */
export interface ProgramFacts {
  readonly path: string
  readonly home: string
  readonly exists: (path: string) => boolean
}

/** Returns a remark when no client is seen. That may be as it should: not every client can be seen from here. */
export function noteAbsentClients({ path, home, exists }: ProgramFacts): Remark[] {
  // acme.sh installs itself into the home directory.
  const directories = [...path.split(delimiter).filter(Boolean), ...USUAL, join(home, '.acme.sh'), '/root/.acme.sh']
  if (directories.some((directory) => PROGRAMS.some((program) => exists(join(directory, program))))) return []
  return [
    {
      level: 'warn',
      message: `no ACME client is seen on this machine (${PROGRAMS.slice(0, 6).join(', ')} or the like), in PATH or the usual places`,
      fix: 'install one, as with: apt install certbot; if yours is in a container, in a venv or on another machine, all is well',
    },
  ]
}
