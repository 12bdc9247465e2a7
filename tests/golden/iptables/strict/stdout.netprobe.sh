#!/bin/sh
# Additive: it allows what is listed and denies nothing; whatever else your rules say stays as it is
# Amazon ECS Anywhere allowlist for iptables and ipset (Linux)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2
# Another region: render it together with these; alone it takes this file's place, unless it has another --name
# Groups: control, images
# Allows: 6 endpoints by 16 entries, TCP port 443
# Open connections: they stay open: what is established returns to your own rules
# Check: unshare -rn sh -c 'ipset restore < netprobe.ipset && iptables-restore --test netprobe.rules.v4'
# Load: sh apply.sh (or: sh apply.sh FORWARD, on a router)
# Replace: sh apply.sh again: sets are swapped, and the chain is replaced in one transaction
# Roll back: iptables -D OUTPUT ! -o lo -j NETPROBE, the same with ip6tables
# Losses: 6 address
#   address (exfiltration): ecs ecs.us-east-2.amazonaws.com, ecs-a-unnumbered ecs-a.us-east-2.amazonaws.com, ecr-registry 123456789012.dkr.ecr.us-east-2.amazonaws.com, ecr-layers prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com: said by 2 addresses (a test): they change without notice, and names of other AWS customers answer at them too, so data can leave through them
#   address (exfiltration): ecs-a ecs-a-*.us-east-2.amazonaws.com, ecs-t ecs-t-*.us-east-2.amazonaws.com: said by 6 addresses (a test): they change without notice, and names of other AWS customers answer at them too, so data can leave through them
#
# Run it as root: sh netprobe.sh [CHAIN]; CHAIN is OUTPUT (packets of this host) unless given, or FORWARD on a router.
set -eu
chain=${1:-OUTPUT}
if [ "$chain" != OUTPUT ]; then
  echo "the rules name no hosts, so in $chain they would be for every machine behind this one: render them again with --source" >&2
  exit 2
fi
filters="iptables${BACKEND:-} ip6tables${BACKEND:-}"
# A kernel without IPv6 (ipv6.disable=1) has no such tables, and sends no such packets.
[ -e /proc/net/if_inet6 ] || filters=iptables${BACKEND:-}
ours=NETPROBE
# A chain of this name in which no rule asks for our sets is somebody's, and would be emptied.
for tables in $filters; do
  case $("$tables" -w -S $ours 2>/dev/null) in
  *"--match-set netprobe-"* | "-N $ours" | "") ;;
  *) echo "nothing was loaded: $tables has a chain $ours that is not ours; render with another --name" >&2; exit 2 ;;
  esac
done

ipset restore -exist <<'END_OF_SETS'
create netprobe-443-v4 hash:net family inet maxelem 65536 -exist
create netprobe-443-v4-new hash:net family inet maxelem 65536 -exist
flush netprobe-443-v4-new
add netprobe-443-v4-new 192.0.2.1/32
add netprobe-443-v4-new 192.0.2.2/32
add netprobe-443-v4-new 192.0.2.3/32
add netprobe-443-v4-new 192.0.2.4/32
add netprobe-443-v4-new 192.0.2.5/32
add netprobe-443-v4-new 192.0.2.6/31
add netprobe-443-v4-new 192.0.2.8/31
add netprobe-443-v4-new 192.0.2.10/32
swap netprobe-443-v4 netprobe-443-v4-new
destroy netprobe-443-v4-new
create netprobe-443-v6 hash:net family inet6 maxelem 65536 -exist
create netprobe-443-v6-new hash:net family inet6 maxelem 65536 -exist
flush netprobe-443-v6-new
add netprobe-443-v6-new 2001:db8::1/128
add netprobe-443-v6-new 2001:db8::2/128
add netprobe-443-v6-new 2001:db8::3/128
add netprobe-443-v6-new 2001:db8::4/128
add netprobe-443-v6-new 2001:db8::5/128
add netprobe-443-v6-new 2001:db8::6/127
add netprobe-443-v6-new 2001:db8::8/127
add netprobe-443-v6-new 2001:db8::a/128
swap netprobe-443-v6 netprobe-443-v6-new
destroy netprobe-443-v6-new
END_OF_SETS

iptables${BACKEND:-}-restore -w --noflush <<'END_OF_RULES'
*filter
:NETPROBE - [0:0]
-A NETPROBE -p tcp -m tcp --dport 443 -m set --match-set netprobe-443-v4 dst -j ACCEPT
COMMIT
END_OF_RULES

[ "$filters" = iptables${BACKEND:-} ] || ip6tables${BACKEND:-}-restore -w --noflush <<'END_OF_RULES'
*filter
:NETPROBE - [0:0]
-A NETPROBE -p tcp -m tcp --dport 443 -m set --match-set netprobe-443-v6 dst -j ACCEPT
COMMIT
END_OF_RULES

for tables in $filters; do
  "$tables" -w -C "$chain" ! -o lo -j NETPROBE 2>/dev/null || "$tables" -w -I "$chain" ! -o lo -j NETPROBE
done
# A packet passes where every packet filter of the kernel lets it pass: what another one drops stays dropped.
case $chain in OUTPUT) hook=output ;; *) hook=forward ;; esac
others() {
  nft list chains 2>/dev/null | awk -v hook="$hook" '
    $1 == "table" { table = $2 " " $3 }
    $1 == "chain" { chain = $2 }
    $1 == "type" && $2 == "filter" && index($0, " hook " hook " ") { print table, chain }' |
    while read -r family table name; do
      case "$(iptables${BACKEND:-} -V) $family $table" in *nf_tables*" ip filter" | *nf_tables*" ip6 filter") continue ;; esac
      ! nft list chain "$family" "$table" "$name" | grep -Eq 'drop|reject|jump|goto' || echo "  nft list chain $family $table $name"
    done
  case $(iptables${BACKEND:-} -V) in *legacy*) return ;; esac
  for tables in iptables-legacy ip6tables-legacy; do
    ! "$tables-save" 2>/dev/null | grep -iEq "^:$hook DROP|^-A $hook .*-[jg]" || echo "  $tables -S (for this one: BACKEND=-legacy sh $0 $chain)"
  done
}
found=$(others)
[ -z "$found" ] || printf '%s\n' "loaded; beside it these decide on the same packets, and what they drop stays dropped:" "$found" >&2
