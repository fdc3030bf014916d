import t from 'tap'
import { judgeMarks, judgeOffload, judgeUntracked } from '../../../src/diagnosis/doctor/following.js'
import { tablesOfSave } from '../../../src/rules-read/iptables-rules.js'
import { ipv4 } from '../../rules-read/packets.js'

const rulesIn = (text: string, packet = ipv4) => ({ packet, tables: tablesOfSave(text, 'iptables-nft', packet) })

t.test('an exemption from tracking is told, but one of another port is not', (t) => {
  const raw = (rule: string) =>
    judgeUntracked(rulesIn(`*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING ${rule}\nCOMMIT\n`).tables).level
  t.strictSame(
    [
      '-j NOTRACK',
      '-p tcp -m tcp --dport 80 -j CT --notrack',
      '-p tcp -m tcp --dport 443 -j NOTRACK',
      '-j CT --helper ftp',
    ].map(raw),
    ['warn', 'warn', 'ok', 'ok'],
  )
  t.end()
})

t.test('rules that could not be read are not said to be none', (t) => {
  const silent = ['nft list ruleset: no answer within 15 s']
  t.match(judgeUntracked([], silent), { level: 'warn', message: /^not known: / })
  t.match(judgeOffload({ saves: [], nft: [], silent }, false, 80), { level: 'warn', message: /^not known: / })
  t.end()
})

t.test('the bit of the mark is not used where connections are tracked and routes depend on it', (t) => {
  const [free, routed] = [false, true].map(
    (isRoutedByMark) => ({ version: 4, isTracked: true, isRoutedByMark }) as const,
  )
  if (!free || !routed) throw new Error('two families')
  t.match(judgeMarks([free]), { check: 'marks', level: 'ok', message: 'no route depends on our bit of the mark' })
  t.match(judgeMarks([free, { ...routed, version: 6 }]), {
    level: 'ok',
    message: /^IPv6: routes depend on packet marks/,
  })
  t.match(
    judgeMarks([{ ...routed, isTracked: false }]),
    { message: /^no route/ },
    'untracked: followed by source anyway',
  )
  t.end()
})

t.test('a flowtable is told, and a warning where the port is forwarded', (t) => {
  const nft = [
    { table: { family: 'inet', name: 'filter' } },
    { flowtable: { family: 'inet', name: 'f', table: 'filter', handle: 2, hook: 'ingress', prio: 0, dev: 'eth0' } },
  ]
  const text = '*filter\n-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j FLOWOFFLOAD\nCOMMIT\n'
  const none = { saves: [], nft: [], silent: [] }
  t.match(judgeOffload(none, true, 80), { check: 'offload', level: 'ok', message: /^no flowtable/ })
  t.match(judgeOffload({ ...none, nft }, false, 80), { level: 'ok', message: /^the flowtable f of nft inet filter / })
  const found = judgeOffload({ ...none, nft }, true, 8080)
  t.match(found, { level: 'warn', message: /those of port 8080 too/, fix: /tcp dport 8080/ })
  const saves = [{ version: 4, program: 'iptables-nft-save', text }] as const
  t.match(judgeOffload({ ...none, saves }, true, 80), { level: 'warn', message: /^FLOWOFFLOAD of iptables-nft-save / })
  t.end()
})
