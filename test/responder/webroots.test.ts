import t from 'tap'
import type { WebrootStatus } from '../../src/control/webroot-status.js'
import { openLog } from '../../src/responder/log.js'
import { Webroots } from '../../src/responder/webroots.js'
import { fakeClock } from './fake-clock.js'

const well: WebrootStatus = { directory: '/srv/www', isWatched: true, isCut: false, armed: 0, refused: {} }

function stage() {
  const clock = fakeClock()
  const log = openLog(true, [])
  const webroots = new Webroots(clock, log)
  /** The lines since the last call, without their time. */
  const said = (from: number) => log.recent.slice(from).map((line) => line.split(' ').slice(1).join(' '))
  return {
    clock,
    webroots,
    note: (changes: Partial<WebrootStatus>) => {
      const from = log.recent.length
      webroots.note([{ ...well, ...changes }])
      return said(from)
    },
  }
}

t.test('what is wrong with a webroot is logged once, and again when it is something else', async (t) => {
  const { clock, webroots, note } = stage()
  t.strictSame(note({}), ['info webroot /srv/www is watched'])
  t.strictSame(note({ obstacle: { reason: 'missing', path: '/srv/www' } }), [], 'what is still to come is not wrong')
  t.strictSame(note({ refused: { link: 1 } }), [
    'warning webroot /srv/www: 0 files armed; not armed: 1 that is a symbolic link',
  ])
  t.strictSame(note({ refused: { link: 2 } }), [])
  await clock.pass(100_000)
  t.strictSame(note({ refused: { link: 3 } }), [], 'a number is no news')
  t.match(note({ refused: { link: 3, size: 1 } }), [
    /^warning .*: 0 files armed; not armed: 3 that .*, 1 that is too long$/,
  ])
  await clock.pass(100_000)
  t.strictSame(note({}), [])
  t.match(note({ isWatched: false }), [/^warning .* once a second$/])
  t.match(webroots.status, [{ isWatched: false }])
})

t.test('whoever makes files that come and go does not fill the log', async (t) => {
  const { clock, note } = stage()
  const lines: string[] = []
  for (let second = 0; second < 600; second++) {
    lines.push(...note(second % 2 === 0 ? { refused: { kind: 1 } } : { refused: { name: 1 } }))
    await clock.pass(1_000)
  }
  t.ok(lines.length > 5 && lines.length <= 12, `${lines.length} lines in ten minutes`)
})
