import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import t from 'tap'
import { run } from '../../src/lab/run.js'

// The claims the other tests in the virtual machine rest on. `unshare`: each in a network of its own.
const inNewNetwork = (argv: readonly string[], input = '') =>
  run(['unshare', '--net', ...argv], { input, reject: false })

t.test('this is the kernel of Debian, in the virtual machine', async (t) => {
  t.equal(process.env['CERTBOT_NFQ_VM'], '1')
  t.match(readFileSync('/proc/version', 'latin1'), /debian-kernel@lists\.debian\.org/)
})

t.test('nft can queue, look into the payload and mark connections', async (t) => {
  const rule = '@ih,0,32 0x47455420 ct mark set ct mark or 0x400000 queue flags bypass to 8555'
  const chain = `chain input { type filter hook input priority mangle; meta l4proto tcp ct original proto-dst 80 ${rule}; };`
  const { exitCode, stderr } = await inNewNetwork(['nft', '-f', '-'], `table inet t { ${chain} }\n`)
  t.equal(exitCode, 0, stderr)
})

t.test('a table belongs to the nft process that made it', async (t) => {
  // The first nft is still there when the second asks, and is not when the third does.
  const script = `
    mkfifo "$0/pipe"
    nft -i <"$0/pipe" & exec 3>"$0/pipe"
    echo 'add table inet mine { flags owner; }' >&3
    until nft list tables | grep mine; do :; done
    nft delete table inet mine 2>&1
    exec 3>&-; wait; echo "left:$(nft list tables)"`
  const { stdout } = await inNewNetwork(['bash', '-c', script, t.testdir()])
  t.match(stdout, /^table inet mine\nError: .*Operation not permitted\n/)
  t.match(stdout, /\nleft:\n$/)
})

for (const iptables of ['iptables-nft', 'ip6tables-nft', 'iptables-legacy', 'ip6tables-legacy']) {
  t.test(`${iptables} can queue what a program for bpf picks`, async (t) => {
    const rule = [
      '-m',
      'bpf',
      '--bytecode',
      '1,6 0 0 1',
      '-m',
      'comment',
      '--comment',
      'test',
      '-j',
      'NFQUEUE',
      '--queue-num',
      '8555',
      '--queue-bypass',
    ]
    const { exitCode, stderr } = await inNewNetwork([iptables, '-t', 'mangle', '-A', 'INPUT', '-p', 'tcp', ...rule])
    t.equal(exitCode, 0, stderr)
  })
}

t.test('a link can lose and delay packets', async (t) => {
  const script = 'ip link add one type veth peer name other && tc qdisc add dev one root netem delay 10ms loss 1%'
  const { exitCode, stderr } = await inNewNetwork(['sh', '-c', script])
  t.equal(exitCode, 0, stderr)
})

t.test('node loads the addons here', async (t) => {
  const require = createRequire(import.meta.url)
  for (const name of ['nfqueue', 'koffi']) t.type(require(name), 'object', name)
})
