import t from 'tap'
import type { StoreStatus } from '../../src/control/store-status.js'
import { Fleet } from '../../src/responder/fleet.js'
import { openLog } from '../../src/responder/log.js'
import { fakeClock } from './fake-clock.js'

const well: StoreStatus = { url: 'redis://store', armed: 0, refused: {}, nodes: [], unverified: 0 }
const away = { ...well, trouble: 'the store does not answer' }

function stage() {
  const clock = fakeClock()
  const lines: string[] = []
  const log = openLog(true, [({ level, message }) => lines.push(`${level} ${message}`)])
  const fleet = new Fleet(clock, log)
  return { clock, fleet, told: () => lines.splice(0) }
}

t.test('the last report is the status, and that there is a store is logged once', (t) => {
  const { fleet, told } = stage()
  t.equal(fleet.status, undefined)
  fleet.note(well)
  t.strictSame(told(), ['info store redis://store is looked at'])
  fleet.note({ ...well, armed: 2 })
  t.strictSame(fleet.status, { ...well, armed: 2 })
  t.strictSame(told(), [], 'all is well')
  t.end()
})

t.test('trouble is logged when it comes, not again while it lasts, and when it is over', async (t) => {
  const { clock, fleet, told } = stage()
  fleet.note(well)
  told()
  fleet.note(away)
  t.match(told(), [/^warning store redis:\/\/store: the store does not answer; /])
  await clock.pass(600_000)
  fleet.note({ ...away, trouble: 'it still does not answer' })
  t.strictSame(told(), [], 'it lasts')
  fleet.note(well)
  t.strictSame(told(), ['info store redis://store: well again'])
  fleet.note(away)
  t.match(told(), [/^warning /], 'a new trouble need not wait')
})

t.test('whoever writes to the store cannot fill the log', async (t) => {
  const { clock, fleet, told } = stage()
  fleet.note(well)
  told()
  for (let count = 1; count <= 100; count++) fleet.note({ ...well, refused: { unsealed: count } })
  t.match(told(), [/refused: 1 unsealed$/], 'one line')
  fleet.note(well)
  fleet.note(away)
  t.strictSame(told(), [], 'nothing else within a minute')
  await clock.pass(60_000)
  fleet.note({ ...well, refused: { unsealed: 101 }, unverified: 1 })
  t.match(told(), [/refused: 101 unsealed; 1 with another secret$/], 'but what is so after it')
})
