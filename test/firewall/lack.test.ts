import t from 'tap'
import { isLack } from '../../src/firewall/lack.js'

// Each as it was seen; iptables 1.8.9 and nft 1.0.6 unless a kernel or program of another kind is named.
const lacks = [
  "iptables-restore v1.8.9 (legacy): Couldn't load match `bpf':No such file or directory\n\nError occurred at line: 3",
  'iptables-restore: line 4 failed',
  'iptables-nft-restore v1.8.9 (nf_tables): \nline 3: RULE_APPEND failed (Invalid argument): rule in chain X',
  "iptables-nft-restore v1.8.9 (nf_tables): Chain 'NOSUCH' does not exist\nError occurred at line: 4",
  "iptables-restore v1.8.9 (legacy): can't initialize iptables table `mangle': Table does not exist (do you need to insmod?)\nPerhaps iptables or your kernel needs to be upgraded.",
  'Error: Could not process rule: No such file or directory',
  'Error: Could not process rule: Operation not supported',
  'Error: syntax error, unexpected @\nadd rule ip a b @ih,0,32 1',
  'netlink: Error: cache initialization failed: Protocol not supported',
]

const passing = [
  "Can't lock /run/xtables.lock: Resource temporarily unavailable\nAnother app is currently holding the xtables lock. Stopped waiting after 10s.",
  'iptables-nft-restore v1.8.9 (nf_tables): \nline 3: RULE_APPEND failed (Cannot allocate memory): rule in chain X',
  'Error: Could not process rule: No buffer space available',
  "iptables v1.8.9 (legacy): can't initialize iptables table `mangle': Permission denied (you must be root)\nPerhaps iptables or your kernel needs to be upgraded.",
  'netlink: Error: cache initialization failed: Operation not permitted',
  'no answer within 15 s',
  'ended by SIGKILL',
  'spawn nft EAGAIN',
  '',
]

t.test('what is missing in kernel or program is a lack', (t) => {
  for (const complaint of lacks) t.ok(isLack(complaint), complaint)
  t.end()
})

t.test('what goes by is none, nor is what nobody knows', (t) => {
  for (const complaint of passing) t.notOk(isLack(complaint), complaint)
  t.end()
})
