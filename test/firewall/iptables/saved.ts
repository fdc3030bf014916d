/**
 * What iptables-save 1.8.9 printed in a namespace with rules of two tags, `ab` and `abcd`, and of other programs. Only
 * the bytecode and the comment on port 443 are shortened. The two variants differ in their first lines and in the order
 * of their tables.
 */

const filterTable = `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`

const BUILT_IN = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING']

/** Our chains of a tag, as they are declared. */
const chains = (tag: string) =>
  ['', '-1', '-2', '-A', '-C', '-F', '-I', '-L', '-N', '-Q', '-R', '-U']
    .map((name) => `:CERTBOT-NFQ-${tag}${name} - [0:0]\n`)
    .join('')

/** The rules in them, where connections are tracked. */
const rules = (
  tag: string,
) => `-A CERTBOT-NFQ-${tag} -m connmark --mark 0x400000/0x400000 -m comment --comment certbot-nfq-${tag} -g CERTBOT-NFQ-${tag}-Q
-A CERTBOT-NFQ-${tag} -m bpf --bytecode "1,6 0 0 1" -m comment --comment certbot-nfq-${tag} -j CERTBOT-NFQ-${tag}-C
-A CERTBOT-NFQ-${tag} -m conntrack --ctstate UNTRACKED -m comment --comment certbot-nfq-${tag} -j CERTBOT-NFQ-${tag}-R
-A CERTBOT-NFQ-${tag}-1 -m bpf --bytecode "1,6 0 0 1" -m comment --comment certbot-nfq-${tag} -j RETURN
-A CERTBOT-NFQ-${tag}-1 -m bpf --bytecode "1,6 0 0 1" -m comment --comment certbot-nfq-${tag} -g CERTBOT-NFQ-${tag}-A
-A CERTBOT-NFQ-${tag}-1 -m bpf --bytecode "1,6 0 0 1" -m comment --comment certbot-nfq-${tag} -g CERTBOT-NFQ-${tag}-N
-A CERTBOT-NFQ-${tag}-1 -m comment --comment certbot-nfq-${tag} -g CERTBOT-NFQ-${tag}-I
-A CERTBOT-NFQ-${tag}-2 -m bpf --bytecode "1,6 0 0 1" -m comment --comment certbot-nfq-${tag} -j RETURN
-A CERTBOT-NFQ-${tag}-2 -m bpf --bytecode "1,6 0 0 1" -m comment --comment certbot-nfq-${tag} -g CERTBOT-NFQ-${tag}-A
-A CERTBOT-NFQ-${tag}-2 -m bpf --bytecode "1,6 0 0 1" -m comment --comment certbot-nfq-${tag} -g CERTBOT-NFQ-${tag}-N
-A CERTBOT-NFQ-${tag}-2 -m comment --comment certbot-nfq-${tag} -g CERTBOT-NFQ-${tag}-I
-A CERTBOT-NFQ-${tag}-A -p tcp -m conntrack --ctstate UNTRACKED -m comment --comment certbot-nfq-${tag} -j SET --add-set certbot-nfq-${tag}-4 src,src --exist --timeout 60
-A CERTBOT-NFQ-${tag}-A -m conntrack --ctstate UNTRACKED -m length --length 0:61440 -m comment --comment certbot-nfq-${tag} -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-${tag}-A -m comment --comment certbot-nfq-${tag} -j CONNMARK --set-xmark 0x400000/0x400000
-A CERTBOT-NFQ-${tag}-A -m length --length 0:61440 -m comment --comment certbot-nfq-${tag} -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-${tag}-C -p tcp -m conntrack --ctorigdstport 80 --ctdir ORIGINAL -m comment --comment certbot-nfq-${tag} -j CERTBOT-NFQ-${tag}-1
-A CERTBOT-NFQ-${tag}-C -p tcp -m tcp --dport 80 -m conntrack --ctstate UNTRACKED -m comment --comment certbot-nfq-${tag} -j CERTBOT-NFQ-${tag}-1
-A CERTBOT-NFQ-${tag}-C -p tcp -m conntrack --ctorigdstport 80 --ctdir ORIGINAL -m comment --comment certbot-nfq-${tag} -j CERTBOT-NFQ-${tag}-2
-A CERTBOT-NFQ-${tag}-C -p tcp -m tcp --dport 80 -m conntrack --ctstate UNTRACKED -m comment --comment certbot-nfq-${tag} -j CERTBOT-NFQ-${tag}-2
-A CERTBOT-NFQ-${tag}-F -m limit --limit 2000/sec --limit-burst 500 -m length --length 0:61440 -m comment --comment certbot-nfq-${tag} -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-${tag}-I -m set --match-set certbot-nfq-${tag}-4h src --packets-gt 49 -m comment --comment certbot-nfq-${tag} -j RETURN
-A CERTBOT-NFQ-${tag}-I -m comment --comment certbot-nfq-${tag} -j SET --add-set certbot-nfq-${tag}-4h src
-A CERTBOT-NFQ-${tag}-I -p tcp -m conntrack --ctstate UNTRACKED -m set --match-set certbot-nfq-${tag}-4s src,src -m comment --comment certbot-nfq-${tag} -j RETURN
-A CERTBOT-NFQ-${tag}-I -m limit --limit 200/sec --limit-burst 200 -m comment --comment certbot-nfq-${tag} -g CERTBOT-NFQ-${tag}-U
-A CERTBOT-NFQ-${tag}-L -p tcp -m conntrack --ctstate UNTRACKED -m comment --comment certbot-nfq-${tag} -j SET --del-set certbot-nfq-${tag}-4 src,src
-A CERTBOT-NFQ-${tag}-L -m comment --comment certbot-nfq-${tag} -j CONNMARK --set-xmark 0x0/0x400000
-A CERTBOT-NFQ-${tag}-L -m comment --comment certbot-nfq-${tag} -j MARK --set-xmark 0x0/0x800000
-A CERTBOT-NFQ-${tag}-N -m mark --mark 0x800000/0x800000 -m comment --comment certbot-nfq-${tag} -g CERTBOT-NFQ-${tag}-L
-A CERTBOT-NFQ-${tag}-N -m comment --comment certbot-nfq-${tag}
-A CERTBOT-NFQ-${tag}-N -m limit --limit 5/sec -m length --length 0:61440 -m comment --comment certbot-nfq-${tag} -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-${tag}-Q -m mark --mark 0x800000/0x800000 -m comment --comment certbot-nfq-${tag} -g CERTBOT-NFQ-${tag}-L
-A CERTBOT-NFQ-${tag}-Q -p tcp -m conntrack --ctorigdstport 80 --ctdir ORIGINAL -m comment --comment certbot-nfq-${tag} -g CERTBOT-NFQ-${tag}-F
-A CERTBOT-NFQ-${tag}-R -m mark --mark 0x800000/0x800000 -m comment --comment certbot-nfq-${tag} -g CERTBOT-NFQ-${tag}-L
-A CERTBOT-NFQ-${tag}-R -p tcp -m tcp --dport 80 -m set --match-set certbot-nfq-${tag}-4 src,src -m comment --comment certbot-nfq-${tag} -g CERTBOT-NFQ-${tag}-F
-A CERTBOT-NFQ-${tag}-U -p tcp -m conntrack --ctstate UNTRACKED -m comment --comment certbot-nfq-${tag} -j SET --add-set certbot-nfq-${tag}-4s src,src
-A CERTBOT-NFQ-${tag}-U -p tcp -m conntrack --ctstate UNTRACKED -m comment --comment certbot-nfq-${tag} -j SET --add-set certbot-nfq-${tag}-4 src,src --timeout 2
-A CERTBOT-NFQ-${tag}-U -m conntrack --ctstate UNTRACKED -m length --length 0:61440 -m comment --comment certbot-nfq-${tag} -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-${tag}-U -m comment --comment certbot-nfq-${tag} -j CONNMARK --set-xmark 0x400000/0x400000
-A CERTBOT-NFQ-${tag}-U -m length --length 0:61440 -m comment --comment certbot-nfq-${tag} -j NFQUEUE --queue-num 8555 --queue-bypass
`

const mangleTable = `*mangle
${BUILT_IN.map((name) => `:${name} ACCEPT [0:0]\n`).join('')}${chains('ab')}${chains('abcd')}:CERTBOT-NFQ-other - [0:0]
-A INPUT -p tcp -j CERTBOT-NFQ-abcd
-A INPUT -p tcp -j CERTBOT-NFQ-ab
-A INPUT -p tcp -m tcp --dport 443 -m comment --comment "not for CERTBOT-NFQ-ab" -j MARK --set-xmark 0x1/0xffffffff
-A FORWARD -p tcp -j CERTBOT-NFQ-abcd
-A FORWARD -p tcp -j CERTBOT-NFQ-ab
${rules('ab')}${rules('abcd')}-A CERTBOT-NFQ-other -j RETURN
COMMIT
`

const untrackedMangleTable = `*mangle
${BUILT_IN.map((name) => `:${name} ACCEPT [0:0]\n`).join('')}${chains('ab')}-A INPUT -p tcp -j CERTBOT-NFQ-ab
-A CERTBOT-NFQ-ab -p tcp -m tcp --dport 80 -m set --match-set certbot-nfq-ab-6 src,src -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-R
-A CERTBOT-NFQ-ab -m bpf --bytecode "1,6 0 0 1" -m comment --comment certbot-nfq-ab -j CERTBOT-NFQ-ab-C
-A CERTBOT-NFQ-ab-1 -m bpf --bytecode "1,6 0 0 1" -m comment --comment certbot-nfq-ab -j RETURN
-A CERTBOT-NFQ-ab-1 -m bpf --bytecode "1,6 0 0 1" -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-A
-A CERTBOT-NFQ-ab-1 -m bpf --bytecode "1,6 0 0 1" -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-N
-A CERTBOT-NFQ-ab-1 -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-I
-A CERTBOT-NFQ-ab-2 -m bpf --bytecode "1,6 0 0 1" -m comment --comment certbot-nfq-ab -j RETURN
-A CERTBOT-NFQ-ab-2 -m bpf --bytecode "1,6 0 0 1" -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-A
-A CERTBOT-NFQ-ab-2 -m bpf --bytecode "1,6 0 0 1" -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-N
-A CERTBOT-NFQ-ab-2 -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-I
-A CERTBOT-NFQ-ab-A -p tcp -m comment --comment certbot-nfq-ab -j SET --add-set certbot-nfq-ab-6 src,src --exist --timeout 60
-A CERTBOT-NFQ-ab-A -m length --length 0:61440 -m comment --comment certbot-nfq-ab -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-ab-C -p tcp -m tcp --dport 80 -m comment --comment certbot-nfq-ab -j CERTBOT-NFQ-ab-1
-A CERTBOT-NFQ-ab-C -p tcp -m tcp --dport 80 -m comment --comment certbot-nfq-ab -j CERTBOT-NFQ-ab-2
-A CERTBOT-NFQ-ab-F -m limit --limit 2000/sec --limit-burst 500 -m length --length 0:61440 -m comment --comment certbot-nfq-ab -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-ab-I -m set --match-set certbot-nfq-ab-6h src --packets-gt 49 -m comment --comment certbot-nfq-ab -j RETURN
-A CERTBOT-NFQ-ab-I -m comment --comment certbot-nfq-ab -j SET --add-set certbot-nfq-ab-6h src
-A CERTBOT-NFQ-ab-I -p tcp -m set --match-set certbot-nfq-ab-6s src,src -m comment --comment certbot-nfq-ab -j RETURN
-A CERTBOT-NFQ-ab-I -m limit --limit 200/sec --limit-burst 200 -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-U
-A CERTBOT-NFQ-ab-L -p tcp -m comment --comment certbot-nfq-ab -j SET --del-set certbot-nfq-ab-6 src,src
-A CERTBOT-NFQ-ab-L -m comment --comment certbot-nfq-ab -j MARK --set-xmark 0x0/0x800000
-A CERTBOT-NFQ-ab-N -m mark --mark 0x800000/0x800000 -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-L
-A CERTBOT-NFQ-ab-N -m comment --comment certbot-nfq-ab
-A CERTBOT-NFQ-ab-N -m limit --limit 5/sec -m length --length 0:61440 -m comment --comment certbot-nfq-ab -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-ab-R -m mark --mark 0x800000/0x800000 -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-L
-A CERTBOT-NFQ-ab-R -m bpf --bytecode "1,6 0 0 1" -m comment --comment certbot-nfq-ab -j CERTBOT-NFQ-ab-C
-A CERTBOT-NFQ-ab-R -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-F
-A CERTBOT-NFQ-ab-U -p tcp -m comment --comment certbot-nfq-ab -j SET --add-set certbot-nfq-ab-6s src,src
-A CERTBOT-NFQ-ab-U -p tcp -m comment --comment certbot-nfq-ab -j SET --add-set certbot-nfq-ab-6 src,src --timeout 2
-A CERTBOT-NFQ-ab-U -m length --length 0:61440 -m comment --comment certbot-nfq-ab -j NFQUEUE --queue-num 8555 --queue-bypass
COMMIT
`

/** By iptables-nft-save; connections are tracked. */
export const savedByNft =
  frame(mangleTable, 'iptables-nft-save v1.8.9 (nf_tables)') +
  frame(filterTable, 'iptables-nft-save v1.8.9 (nf_tables)')

/** By iptables-legacy-save, of the same rules. */
export const savedByLegacy = frame(filterTable, 'iptables-save v1.8.9') + frame(mangleTable, 'iptables-save v1.8.9')

/** By ip6tables-nft-save; nothing is tracked, and there is no tag but `ab`. */
export const savedUntracked = frame(untrackedMangleTable, 'ip6tables-nft-save v1.8.9 (nf_tables)')

/** By iptables-nft-save where nobody has used the mangle table yet. */
export const savedWithoutMangle = frame(filterTable, 'iptables-nft-save v1.8.9 (nf_tables)')

function frame(table: string, program: string): string {
  return `# Generated by ${program} on Fri Nov 20 09:39:47 2026\n${table}# Completed on Fri Nov 20 09:39:47 2026\n`
}
