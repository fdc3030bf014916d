import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readCertificate } from '../../src/lab/certificate.js'
import { inRepository } from '../../src/lab/repository.js'
import { run } from '../../src/lab/run.js'
import { openScene, scenePrograms } from '../../src/lab/scene.js'
import { requiresKernel } from '../requires-kernel.js'

t.test(
  'a lineage got by webroot is adopted, and renewed by the hooks from then on',
  await requiresKernel(...scenePrograms),
  async (t) => {
    const { certbot, lab, webServer, ...scene } = await openScene()
    t.teardown(scene.close)
    const webroot = await certbot.run([
      'certonly',
      '--webroot',
      '-w',
      webServer.root,
      '-d',
      'adopted.example.com',
      '--agree-tos',
      '--register-unsafely-without-email',
    ])
    t.equal(webroot.exitCode, 0, webroot.stderr)
    const seen = (await scene.challengesAtWebServer()).length
    t.not(seen, 0, 'the web server answered')
    const before = await readCertificate(certbot.certificate('adopted.example.com'))
    const renewal = join(certbot.configDirectory, 'renewal/adopted.example.com.conf')
    const { mode } = statSync(renewal)
    const text = readFileSync(renewal, 'utf8')
    const hooks = join(lab.directory, 'stable')
    // Without certbot in PATH it is edited without a rehearsal, whatever version of certbot this machine has.
    const install = async (...words: string[]) => {
      const argv = [
        inRepository('hooks/certbot-nfq'),
        'install',
        '--hooks-dir',
        hooks,
        '--bin-dir',
        join(lab.directory, 'bin'),
        '--config-dir',
        certbot.configDirectory,
        '--run-dir',
        certbot.runDirectory,
        ...words,
      ]
      const ended = await run(argv, {
        reject: false,
        env: { PATH: join(lab.directory, 'nothing'), CERTBOT_NFQ_NODE: process.execPath },
      })
      t.strictSame([ended.exitCode, ended.stderr], [0, ''], words.join(' '))
      return ended.stdout
    }

    t.match(
      await install('--adopt', 'adopted.example.com', '--dry-run'),
      /^-authenticator = webroot\n\+authenticator = manual$/m,
    )
    t.equal(readFileSync(renewal, 'utf8'), text, 'a dry run changes nothing')
    t.match(await install('--adopt', 'adopted.example.com'), /as it was before: .*\.conf\.before-certbot-nfq$/m)
    t.equal(readFileSync(`${renewal}.before-certbot-nfq`, 'utf8'), text)
    t.equal(statSync(renewal).mode, mode)
    t.match(await install('--adopt', 'adopted.example.com'), /uses these hooks already/)
    t.same(readdirSync(join(certbot.configDirectory, 'renewal')).length, 2, 'one copy')

    const renewed = await certbot.renew()

    const after = await readCertificate(certbot.certificate('adopted.example.com'))
    t.equal(renewed.exitCode, 0, `${renewed.stdout}\n${renewed.stderr}`)
    t.not(after.serial, before.serial, 'it is another certificate')
    t.same(after.names, ['adopted.example.com'])
    t.equal((await scene.challengesAtWebServer()).length, seen, 'the web server never saw the challenge')
    t.match(
      await install('--adopt', 'adopted.example.com'),
      /uses these hooks already/,
      'also as certbot has written it since',
    )
    t.same(await certbot.lineages(), ['adopted.example.com'])
    t.same(await scene.leftovers(), [])
    t.match(await install('--undo', 'adopted.example.com'), /^\+authenticator = webroot$/m)
    t.equal(readFileSync(renewal, 'utf8'), text, 'as it was before')
    t.match(
      await install('--remove'),
      /^Removed .*stable\/auth\nRemoved .*stable\/cleanup\nRemoved .*bin\/certbot-nfq\n?$/,
    )
  },
)
