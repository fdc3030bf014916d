import t from 'tap'
import { testFirewall } from '../kernel/firewall-suite.js'
import { requiresKernel } from '../requires-kernel.js'

t.test('nft', await requiresKernel('nginx', 'nft'), (t) => testFirewall(t, 'nft'))
