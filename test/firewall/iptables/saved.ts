/**
 * What iptables-save 1.8.9 printed in a namespace with rules of two tags, `ab` and `abcd`, and of other people; only
 * the bytecode and the comment on port 443 are shorter. The two variants differ in their first lines and in the order
 * of their tables.
 */

const filterTable = `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`

const mangleTable = `*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:CERTBOT-NFQ-ab - [0:0]
:CERTBOT-NFQ-ab-C - [0:0]
:CERTBOT-NFQ-ab-Q - [0:0]
:CERTBOT-NFQ-ab-R - [0:0]
:CERTBOT-NFQ-abcd - [0:0]
:CERTBOT-NFQ-abcd-C - [0:0]
:CERTBOT-NFQ-abcd-Q - [0:0]
:CERTBOT-NFQ-abcd-R - [0:0]
:CERTBOT-NFQ-other - [0:0]
-A INPUT -p tcp -j CERTBOT-NFQ-abcd
-A INPUT -p tcp -j CERTBOT-NFQ-ab
-A INPUT -p tcp -m tcp --dport 443 -m comment --comment "not for CERTBOT-NFQ-ab" -j MARK --set-xmark 0x1/0xffffffff
-A FORWARD -p tcp -j CERTBOT-NFQ-abcd
-A FORWARD -p tcp -j CERTBOT-NFQ-ab
-A CERTBOT-NFQ-ab -m connmark --mark 0x400000/0x400000 -m comment --comment certbot-nfq-ab -j CERTBOT-NFQ-ab-Q
-A CERTBOT-NFQ-ab -m bpf --bytecode "1,6 0 0 1" -m comment --comment certbot-nfq-ab -j CERTBOT-NFQ-ab-C
-A CERTBOT-NFQ-ab -m conntrack --ctstate UNTRACKED -m comment --comment certbot-nfq-ab -j CERTBOT-NFQ-ab-R
-A CERTBOT-NFQ-ab-C -p tcp -m conntrack --ctorigdstport 80 --ctdir ORIGINAL -m comment --comment certbot-nfq-ab -j CONNMARK --set-xmark 0x400000/0x400000
-A CERTBOT-NFQ-ab-C -p tcp -m tcp --dport 80 -m conntrack --ctstate UNTRACKED -m recent --set --name CERTBOT-NFQ-ab --mask 255.255.255.255 --rsource -m length --length 0:61440 -m comment --comment certbot-nfq-ab -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-ab-C -m comment --comment certbot-nfq-ab -j CERTBOT-NFQ-ab-Q
-A CERTBOT-NFQ-ab-Q -p tcp -m conntrack --ctorigdstport 80 --ctdir ORIGINAL -m length --length 0:61440 -m comment --comment certbot-nfq-ab -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-ab-R -p tcp -m tcp --dport 80 -m recent --rcheck --seconds 60 --name CERTBOT-NFQ-ab --mask 255.255.255.255 --rsource -m length --length 0:61440 -m comment --comment certbot-nfq-ab -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-abcd -m connmark --mark 0x400000/0x400000 -m comment --comment certbot-nfq-abcd -j CERTBOT-NFQ-abcd-Q
-A CERTBOT-NFQ-abcd -m bpf --bytecode "1,6 0 0 1" -m comment --comment certbot-nfq-abcd -j CERTBOT-NFQ-abcd-C
-A CERTBOT-NFQ-abcd -m conntrack --ctstate UNTRACKED -m comment --comment certbot-nfq-abcd -j CERTBOT-NFQ-abcd-R
-A CERTBOT-NFQ-abcd-C -p tcp -m conntrack --ctorigdstport 80 --ctdir ORIGINAL -m comment --comment certbot-nfq-abcd -j CONNMARK --set-xmark 0x400000/0x400000
-A CERTBOT-NFQ-abcd-C -p tcp -m tcp --dport 80 -m conntrack --ctstate UNTRACKED -m recent --set --name CERTBOT-NFQ-abcd --mask 255.255.255.255 --rsource -m length --length 0:61440 -m comment --comment certbot-nfq-abcd -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-abcd-C -m comment --comment certbot-nfq-abcd -j CERTBOT-NFQ-abcd-Q
-A CERTBOT-NFQ-abcd-Q -p tcp -m conntrack --ctorigdstport 80 --ctdir ORIGINAL -m length --length 0:61440 -m comment --comment certbot-nfq-abcd -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-abcd-R -p tcp -m tcp --dport 80 -m recent --rcheck --seconds 60 --name CERTBOT-NFQ-abcd --mask 255.255.255.255 --rsource -m length --length 0:61440 -m comment --comment certbot-nfq-abcd -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-other -j RETURN
COMMIT
`

const untrackedMangleTable = `*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:CERTBOT-NFQ-ab - [0:0]
:CERTBOT-NFQ-ab-C - [0:0]
:CERTBOT-NFQ-ab-Q - [0:0]
:CERTBOT-NFQ-ab-R - [0:0]
-A INPUT -p tcp -j CERTBOT-NFQ-ab
-A CERTBOT-NFQ-ab -m bpf --bytecode "1,6 0 0 1" -m comment --comment certbot-nfq-ab -j CERTBOT-NFQ-ab-C
-A CERTBOT-NFQ-ab -p tcp -m tcp --dport 80 -m recent --rcheck --seconds 60 --name CERTBOT-NFQ-ab --mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff --rsource -m length --length 0:61440 -m comment --comment certbot-nfq-ab -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-ab-C -p tcp -m tcp --dport 80 -m recent --set --name CERTBOT-NFQ-ab --mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff --rsource -m length --length 0:61440 -m comment --comment certbot-nfq-ab -j NFQUEUE --queue-num 8555 --queue-bypass
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
