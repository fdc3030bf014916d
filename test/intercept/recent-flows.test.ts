import t from 'tap'
import { RecentFlows } from '../../src/intercept/recent-flows.js'

t.test('of too many flows the one that was named longest ago is forgotten', (t) => {
  const flows = new RecentFlows(2)
  for (const flow of ['first', 'second', 'first', 'third']) flows.add(flow)
  t.same(
    ['second', 'first', 'third', 'third'].map((flow) => flows.delete(flow)),
    [false, true, true, false],
  )
  t.end()
})
