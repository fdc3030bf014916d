/**
 * `certbot renew --dry-run` goes to Let's Encrypt's staging server, whatever CA a lineage is from, unless it is told.
 * The rehearsal of a lineage of another CA failed where only that CA knows the name, and could not be made to pass.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { adoptable } from '../client/certbot/adoptable.js'
import { WEBROOT } from '../client/certbot/renewal-text.js'

const LETS_ENCRYPT = 'https://acme-v02.api.letsencrypt.org/directory'

t.test('a renewal is rehearsed at the CA of the lineage, by --adopt and by --undo', async (t) => {
  for (const [server, words] of [
    ['https://ca.example.net/acme/directory', ' --server https://ca.example.net/acme/directory'],
    [LETS_ENCRYPT, ''],
  ] as const) {
    const { install, renewal, calls, config } = adoptable(t)
    writeFileSync(renewal, WEBROOT.replace(LETS_ENCRYPT, server))
    const rehearsal = `renew --dry-run --cert-name example.com${words} --config-dir ${config} --no-random-sleep-on-renew`
    for (const change of ['--adopt', '--undo']) {
      t.match(await install([change, 'example.com']), { exitCode: 0, stderr: '' })
      t.equal(calls().at(-1), rehearsal, `${change}, ${server}`)
    }
    t.match(readFileSync(renewal, 'utf8'), `server = ${server}\n`)
  }
})
