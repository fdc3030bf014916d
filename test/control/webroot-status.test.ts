import t from 'tap'
import { describeWebroot } from '../../src/control/describe-webroot.js'
import { parseRequest } from '../../src/control/message.js'
import { readWebrootStatus, type WebrootStatus } from '../../src/control/webroot-status.js'

const well: WebrootStatus = { directory: '/srv/a b', isWatched: true, isCut: false, armed: 1, refused: {} }
const ill: WebrootStatus = {
  directory: '/srv/www',
  obstacle: { reason: 'link', path: '/srv/www/.well-known' },
  isWatched: false,
  isCut: true,
  armed: 2,
  refused: { name: 3, content: 1, novel: 2 },
}

t.test('what is reported of webroots is read as it is, without what has no word', (t) => {
  for (const status of [well, ill]) {
    t.strictSame(readWebrootStatus(JSON.parse(JSON.stringify(status))), status)
    t.strictSame(readWebrootStatus({ ...status, more: [[]] }), status)
  }
  t.strictSame(parseRequest(JSON.stringify({ version: 1, op: 'webroots', webroots: [well, ill] })), {
    op: 'webroots',
    webroots: [well, ill],
  })
  t.end()
})

t.test('what is of another shape, or too much, is not read', (t) => {
  const wrong: unknown[] = [
    undefined,
    [],
    { ...well, directory: 1 },
    { ...well, isWatched: 'yes' },
    { ...well, isCut: undefined },
    { ...well, armed: -1 },
    { ...well, refused: [] },
    { ...well, refused: { name: 'x' } },
    { ...well, refused: { ['x'.repeat(65)]: 1 } },
    { ...well, refused: { 'a\u001b': 1 } },
    { ...well, refused: Object.fromEntries(Array.from({ length: 21 }, (_, number) => [`r${number}`, 1])) },
    { ...well, obstacle: 'no' },
    { ...well, obstacle: { reason: 'link' } },
  ]
  for (const value of wrong) t.equal(readWebrootStatus(value), undefined, JSON.stringify(value))
  for (const webroots of [undefined, {}, [1], Array.from({ length: 101 }, () => well)])
    t.throws(() => parseRequest(JSON.stringify({ version: 1, op: 'webroots', webroots })), {
      code: 'control-malformed',
    })
  t.end()
})

t.test('it is said in one line how a webroot stands', (t) => {
  t.equal(describeWebroot(well), '1 file armed')
  t.equal(
    describeWebroot(ill),
    '2 files armed; /srv/www/.well-known is a symbolic link, which is not followed; not armed: 3 whose name is not a token, 1 whose content is not its key authorization, 2 novel; without events of the kernel, so looked at once a second; more names than are looked at',
  )
  t.end()
})
