import { execFileSync, spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { thumbprintOf } from '../../../src/client/accounts/thumbprint.js'
import { inRepository } from '../../../src/lab/repository.js'
import { temporaryDirectory } from '../../temporary-directory.js'

const account = inRepository('hooks/certbot-nfq')

t.test('the accounts of every client are found at their usual places, each once, with public values only', (t) => {
  const home = temporaryDirectory(t)
  const keys = Object.fromEntries(
    ['certbot', 'dehydrated', 'uacme', 'acme', 'lego'].map((client) => [client, newKey()] as const),
  )
  const { certbot = newKey(), dehydrated = newKey(), uacme = newKey(), acme = newKey(), lego = newKey() } = keys
  // Each as its client writes it, by certbot 2.1, dehydrated 0.7.0, uacme 1.7.4, acme.sh 3.1 and lego 4.9.
  const server = 'accounts/acme-v02.example/acme/directory/0f2a'
  const ca = Buffer.from('https://ca.example/directory\n').toString('base64url')
  write(home, {
    [`${server}/private_key.json`]: certbot.json,
    [`${server}/regr.json`]: '{"body": {}, "uri": "https://acme-v02.example/acct/7"}',
    [`${server}/meta.json`]: '{"creation_dt": "2026-01-01T00:00:00Z", "creation_host": "a"}',
    [`accounts/${ca}/account_key.pem`]: dehydrated.pem,
    [`accounts/${ca}/account_id.json`]: '{"id":"9","url":"https://ca.example/acct/9"}',
    'private/key.pem': uacme.pem,
    'ca/acme-v02.example/directory/account.key': acme.pem,
    'ca/acme-v02.example/directory/ca.conf': "CA_KEY_HASH='x'\nACCOUNT_URL='https://acme-v02.example/acct/8'\n",
    'accounts/acme-v02.example/me@example.com/keys/me@example.com.key': lego.pem,
    'accounts/acme-v02.example/me@example.com/account.json':
      '{"registration": {"uri": "https://acme-v02.example/acct/6"}}',
  })
  symlinkSync(join(home, 'accounts/acme-v02.example/acme'), join(home, 'accounts/old.example'))

  const { stdout, stderr, status } = run(home, '--json', '--config-dir', home)
  t.equal(status, 0, stderr)
  t.equal(stderr, '')
  const found = JSON.parse(stdout) as Readonly<Record<string, string>>[]
  t.same(
    found.map(({ client, thumbprint, ca, url }) => [client, thumbprint, ca, url]),
    [
      ['certbot', certbot.thumbprint, 'https://acme-v02.example/acme/directory', 'https://acme-v02.example/acct/7'],
      ['dehydrated', dehydrated.thumbprint, 'https://ca.example/directory', 'https://ca.example/acct/9'],
      ['uacme', uacme.thumbprint, undefined, undefined],
      ['acme.sh', acme.thumbprint, 'https://acme-v02.example/directory', 'https://acme-v02.example/acct/8'],
      ['lego', lego.thumbprint, 'acme-v02.example', 'https://acme-v02.example/acct/6'],
    ],
  )
  t.same([...new Set(found.flatMap((one) => Object.keys(one)))].sort(), ['ca', 'client', 'path', 'thumbprint', 'url'])
  const text = run(home, '--config-dir', home).stdout
  for (const { thumbprint = '', path = '' } of found)
    t.ok(text.includes(`${thumbprint}\n`) && text.includes(`${path}\n`))
  t.end()
})

t.test('a key file that cannot be used is a warning beside others, and an error alone; no account is one too', (t) => {
  const home = temporaryDirectory(t)
  const none = run(home, '--config-dir', home)
  t.equal(none.status, 1)
  t.match(none.stderr, `no account of an ACME client found in ${home}\n`)
  t.match(none.stderr, '[account-missing, ')

  write(home, { 'private/key.pem': 'nothing\n' })
  const alone = run(home, '--config-dir', home)
  t.equal(alone.status, 1)
  t.match(alone.stderr, /cannot read .*\/private\/key\.pem: it holds no key.*\n.*\[account-unreadable, /)
  t.equal(alone.stdout, '')

  const { json, thumbprint } = newKey()
  write(home, { 'accounts/ca.example/dir/0/private_key.json': json })
  execFileSync('mkfifo', [join(home, 'accounts/ca.example/dir/private_key.json')])
  const beside = run(home, '--config-dir', home)
  t.equal(beside.status, 0)
  t.match(beside.stderr, '[account-unreadable, ')
  t.match(beside.stdout, thumbprint)
  t.end()
})

function run(home: string, ...words: string[]) {
  return spawnSync(account, ['account', ...words], { encoding: 'utf8', env: { ...process.env, HOME: home } })
}

function newKey() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const json = JSON.stringify(privateKey.export({ format: 'jwk' }))
  return {
    json,
    pem: String(privateKey.export({ format: 'pem', type: 'sec1' })),
    thumbprint: thumbprintOf(json, 'key'),
  }
}

function write(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    writeFileSync(join(directory, name), text)
  }
}
