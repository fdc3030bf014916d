import t from 'tap'
import { createCertbot } from '../../src/lab/certbot.js'
import { readCertificate } from '../../src/lab/certificate.js'
import { openScene, scenePrograms } from '../../src/lab/scene.js'
import { requiresKernel } from '../requires-kernel.js'

t.test(
  'two certbots at once, with one run directory, both get their certificate',
  await requiresKernel(...scenePrograms),
  async (t) => {
    const { lab, authority, certbot: left, ...scene } = await openScene()
    t.teardown(scene.close)
    const right = await createCertbot(lab, authority)
    t.equal(left.runDirectory, right.runDirectory)

    const outcomes = await Promise.all([
      left.certonly(['a.left.example.com', 'b.left.example.com']),
      right.certonly(['a.right.example.com', 'b.right.example.com']),
    ])

    for (const { exitCode, stderr } of outcomes) t.equal(exitCode, 0, stderr)
    for (const [certbot, side] of [
      [left, 'left'],
      [right, 'right'],
    ] as const) {
      const { names } = await readCertificate(certbot.certificate(`a.${side}.example.com`))
      t.same(names, [`a.${side}.example.com`, `b.${side}.example.com`])
    }
    t.same(await scene.challengesAtWebServer(), [], 'the web server never saw a challenge')
    t.same(await scene.leftovers(), [])
  },
)
