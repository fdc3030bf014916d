import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { planTrial, readVersion, type BackEnd } from '../../../src/diagnosis/doctor/back-ends.js'
import { judgeQueueNumber } from '../../../src/diagnosis/doctor/queue-number.js'
import { judgeReversePath } from '../../../src/diagnosis/doctor/reverse-path.js'
import { judgeRights } from '../../../src/diagnosis/doctor/rights.js'
import {
  judgeRunDirectory,
  readRunDirectory,
  type RunDirectoryFacts,
} from '../../../src/diagnosis/doctor/run-directory.js'
import { devicesOfRoutes } from '../../../src/diagnosis/doctor/uplinks.js'
import { runDirectory } from '../../../src/responder/run-directory.js'
import { temporaryDirectory } from '../../temporary-directory.js'

t.test('rights: root with what a start takes', (t) => {
  t.match(judgeRights({ uid: 0, capabilities: 0x1ffffffffffn }), { level: 'ok' })
  t.match(judgeRights({ uid: 0, capabilities: undefined }), { level: 'ok' }, 'a kernel that does not tell')
  t.match(
    judgeRights({ uid: 0, capabilities: 0xa80425fbn }),
    { level: 'fail', message: 'root here lacks CAP_NET_ADMIN' },
    'a container of Docker',
  )
  t.match(judgeRights({ uid: 1000, capabilities: 0n }), { level: 'fail', message: /user id 1000/ })
  t.end()
})

t.test('queue: a number that another program holds', (t) => {
  const bound = new Map([
    [0, 4242],
    [8555, 17],
  ])
  t.match(judgeQueueNumber(undefined, bound, 8555), { level: 'ok', message: /taken by other programs: 0\)/ })
  t.match(judgeQueueNumber(0, bound, 8555), { level: 'fail', message: /number 0 .*netlink port 4242/ })
  t.match(judgeQueueNumber(8555, bound, 8555), { level: 'ok' }, 'our own responder’s')
  t.match(judgeQueueNumber(1, bound, undefined), { level: 'ok', message: 'number 1 is free' })
  t.end()
})

t.test('reverse path: strict mode matters with several uplinks', (t) => {
  t.match(judgeReversePath(['eth0'], new Map([['eth0', 1]])), { level: 'ok' })
  t.match(
    judgeReversePath(
      ['eth0', 'eth1'],
      new Map([
        ['eth0', 2],
        ['eth1', 0],
      ]),
    ),
    { level: 'ok' },
  )
  t.match(
    judgeReversePath(
      ['eth0', 'eth1'],
      new Map([
        ['eth0', 2],
        ['eth1', 1],
      ]),
    ),
    { level: 'warn', fix: 'sysctl -w net.ipv4.conf.eth1.rp_filter=2' },
  )
  t.end()
})

t.test('uplinks are the interfaces of default routes, of all next hops', (t) => {
  const text =
    'default via 192.0.2.1 dev eth0 proto dhcp \ndefault \\\tnexthop via 192.0.2.1 dev eth1 weight 1 \\\tnexthop via 192.0.2.2 dev eth2 weight 1\nunreachable default dev lo metric 4294967295 error -101'
  t.strictSame(devicesOfRoutes(text), ['eth0', 'eth1', 'eth2'])
  t.end()
})

t.test('run directory: absent, safe, not safe, impossible', (t) => {
  const path = temporaryDirectory(t)
  const judge = (...names: string[]) => judgeRunDirectory(readRunDirectory(runDirectory(join(path, ...names))))
  mkdirSync(join(path, 'safe'), { mode: 0o700 })
  mkdirSync(join(path, 'open'))
  chmodSync(join(path, 'open'), 0o777)
  writeFileSync(join(path, 'file'), '')
  t.match(judge('absent'), { level: 'ok', message: /the first hook makes it/ })
  t.match(judge('safe'), { level: 'ok', message: /is there and safe/ })
  t.match(judge('open'), { level: 'fail', message: /can be written to by others/ })
  t.match(judge('file'), { level: 'fail', message: /is not a directory/ })
  t.match(judge('absent', 'run'), { level: 'fail', message: /directory above it is not there/ })
  t.end()
})

t.test('run directory: room for what a responder makes', (t) => {
  const facts = {
    path: '/run/certbot-nfq',
    isThere: false,
    isParentThere: true,
    refusal: undefined,
    isReadOnly: false,
    inodesNeeded: 3,
    fileSystem: { blocks: 1, inodes: 3 },
  }
  const judge = (changes: Partial<RunDirectoryFacts>) => judgeRunDirectory({ ...facts, ...changes })
  t.match(judge({}), { level: 'ok' })
  t.match(judge({ fileSystem: undefined }), { level: 'ok' }, 'a file system that does not tell')
  t.match(judge({ fileSystem: { blocks: 1, inodes: undefined } }), { level: 'ok' }, 'one without a number of inodes')
  t.match(judge({ fileSystem: { blocks: 0, inodes: 3 } }), { level: 'warn', message: /is full$/, fix: /Make room/ })
  t.match(judge({ fileSystem: { blocks: 1, inodes: 2 } }), { level: 'fail', message: /3 more .* for 2$/, fix: /df -i/ })
  t.match(judge({ fileSystem: { blocks: 0, inodes: 0 }, inodesNeeded: 0 }), { level: 'ok' }, 'while one is at work')
  t.match(judge({ isReadOnly: true }), { level: 'fail', message: /cannot be made: .* read-only$/, fix: /findmnt/ })
  t.match(judge({ isReadOnly: true, isThere: true }), { level: 'fail', message: /no file can be made in / })
  t.end()
})

t.test('back ends: legacy iptables is touched only where it is in use, asked for, or all there is', (t) => {
  const backEnd = (name: BackEnd['name'], isLegacy = false): BackEnd => ({ name, version: '1', isLegacy })
  const there = [backEnd('nft'), backEnd('iptables', true), backEnd('iptables-nft'), backEnd('iptables-legacy', true)]
  t.strictSame(planTrial('auto', there, false), {
    backEnds: ['nft', 'iptables-nft'],
    lastResort: ['iptables', 'iptables-legacy'],
  })
  t.strictSame(planTrial('auto', there, true), {
    backEnds: ['nft', 'iptables', 'iptables-nft', 'iptables-legacy'],
    lastResort: [],
  })
  t.strictSame(planTrial('iptables-legacy', there, false), { backEnds: ['iptables-legacy'], lastResort: [] })
  t.end()
})

t.test('back ends: what their programs say of themselves', (t) => {
  t.equal(readVersion('iptables v1.8.9 (nf_tables)\n'), '1.8.9 (nf_tables)')
  t.equal(readVersion('iptables v1.8.9 (legacy)'), '1.8.9 (legacy)')
  t.equal(readVersion('nftables v1.0.6 (Lester Gooch #5)'), '1.0.6')
  t.equal(readVersion(''), 'of unknown version')
  t.end()
})
