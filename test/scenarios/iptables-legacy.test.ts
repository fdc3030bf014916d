import t from 'tap'
import { requiresKernel } from '../requires-kernel.js'
import { programs } from './armed-lab.js'
import { testFirewall } from './firewall-suite.js'

t.test('--firewall iptables-legacy answers challenges wherever the server is', await requiresKernel(...programs), (t) =>
  testFirewall(t, 'iptables-legacy'),
)
