/** The commands of docs/clients.md that need the clients. The others are run with those of the other pages. */
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { openScene, scenePrograms } from '../../src/lab/scene.js'
import { commandsOf } from '../docs/commands.js'
import { openMachine } from '../docs/machine.js'
import { requiresKernel } from '../requires-kernel.js'

const page = 'docs/clients.md'

t.test(
  `the commands of ${page} work, from top to bottom`,
  await requiresKernel(...scenePrograms, 'dehydrated', 'uacme', 'acmetool'),
  async (t) => {
    const scene = await openScene()
    t.teardown(() => scene.close())
    const { authority, lab } = scene
    const machine = await openMachine(scene)
    const own = (path: string) => join(machine.root, path)
    // What the clients have besides /etc, and which CA, for Let's Encrypt is out of reach here.
    for (const directory of ['dehydrated/acme-challenges', 'acme/conf'])
      await mkdir(own(`run/state/${directory}`), { recursive: true })
    await appendFile(own('etc/dehydrated/config'), `CA=${authority.directoryUrl}\nKEY_ALGO=secp384r1\n`)
    await writeFile(own('run/state/acme/conf/target'), `request:\n  provider: ${authority.directoryUrl}\n`)
    await writeFile(
      own('run/state/acme/conf/responses'),
      '{"acme-enter-email": "", "acme-agreement:data:text/plain,Do%20what%20thou%20wilt": true}',
    )
    await writeFile(own('etc/resolv.conf'), `nameserver ${authority.dnsServer}\n`)
    await writeFile(own('etc/ssl/certs/ca-certificates.crt'), await readFile(authority.caBundle))
    const mounts = ['dehydrated', 'acme'].map(
      (name) => `mkdir -p /var/lib/${name} && mount --bind /run/state/${name} /var/lib/${name}`,
    )
    const run = (line: string) =>
      machine.run([...mounts, line.replace(/^uacme /, `uacme -a ${authority.directoryUrl} `)].join(' && '))
    for (const line of ['dehydrated --register --accept-terms', 'uacme --yes new'])
      t.match(await run(line), { exitCode: 0 }, line)

    const commands = commandsOf(page, await readFile(inRepository(page), 'utf8')).filter(({ text }) =>
      /^(certbot-nfq install --client|dehydrated|uacme|acmetool) /.test(text),
    )
    t.ok(commands.length >= 6, 'they are found')
    for (const { text } of commands) {
      const { exitCode, stdout, stderr } = await run(text)
      t.equal(exitCode, 0, text, { stdout, stderr })
      t.notMatch(stderr, /certbot-nfq: /, 'the hook has nothing to say')
    }
    t.equal(authority.logs().split('Issued certificate').length - 1, 3, 'three certificates were issued')
    await lab.server.exec([inRepository('hooks/certbot-nfq'), 'stop', '--run-dir', own('run/certbot-nfq')], {
      reject: false,
    })
    t.same(await scene.challengesAtWebServer(), [], 'the web server never saw a challenge')
    t.same(await scene.leftovers(), [])
  },
)
