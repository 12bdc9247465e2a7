#!/bin/sh
# Enforces for 198.51.100.16/28, 2001:db8:5::/48 only: what is not listed is denied on port 443
# Amazon ECS Anywhere allowlist for iptables and ipset (Linux)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2
# Another region: render it together with these; alone it takes this file's place, and under another --name each file denies what only the other allows
# Groups: control, images
# Allows: 6 endpoints by 16 entries, TCP port 443
# For: 198.51.100.16/28, 2001:db8:5::/48 (a set of source networks)
# Else: refused (TCP reset, ICMP) on the ports named above; other ports and forwarded packets are not touched
# Open connections: they stay open: what is established returns to your own rules
# Check: unshare -rn sh -c 'ipset restore < netprobe.ipset && iptables-restore --test netprobe.rules.v4'
# Load: sh apply.sh (or: sh apply.sh FORWARD, on a router)
# Replace: sh apply.sh again: sets are swapped, and the chain is replaced in one transaction
# Roll back: sh OLD/apply.sh; to be without it: iptables -D OUTPUT ! -o lo -j NETPROBE, the same with ip6tables
# Losses: 6 address
#   address (exfiltration): ecs ecs.us-east-2.amazonaws.com, ecs-a-unnumbered ecs-a.us-east-2.amazonaws.com, ecr-registry 123456789012.dkr.ecr.us-east-2.amazonaws.com, ecr-layers prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com: said by 2 addresses (a test): they change without notice, and names of other AWS customers answer at them too, so data can leave through them
#   address (exfiltration): ecs-a ecs-a-*.us-east-2.amazonaws.com, ecs-t ecs-t-*.us-east-2.amazonaws.com: said by 6 addresses (a test): they change without notice, and names of other AWS customers answer at them too, so data can leave through them
#
# Run it as root: sh apply.sh [CHAIN]; CHAIN is OUTPUT (packets of this host) unless given, or FORWARD on a router.
set -eu
chain=${1:-OUTPUT}
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
cd "$(dirname "$0")"
ipset restore -exist < netprobe.ipset
iptables${BACKEND:-}-restore -w --noflush < netprobe.rules.v4
[ "$filters" = iptables${BACKEND:-} ] || ip6tables${BACKEND:-}-restore -w --noflush < netprobe.rules.v6
for tables in $filters; do
  "$tables" -w -C "$chain" ! -o lo -j NETPROBE 2>/dev/null || "$tables" -w -I "$chain" ! -o lo -j NETPROBE
done
