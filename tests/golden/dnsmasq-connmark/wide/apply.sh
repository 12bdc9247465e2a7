#!/bin/sh
# Enforces and decides for every client: what is not listed is denied on port 80 and 443
# Amazon ECS Anywhere allowlist for dnsmasq with connection marks, and ipset (exact patterns)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2, eu-west-1
# Another region: render it together with these; alone it takes this file's place, and under another --name each file denies what only the other allows
# Groups: control, images, install
# Allows: 14 endpoints by 14 entries, TCP port 80, 443
# Else: names are refused (REFUSED); addresses are refused (TCP reset, ICMP) on the endpoints' ports; other ports and forwarded packets are not touched
# Open connections: they stay open: what is established returns to your own rules
# Check: dnsmasq --test (with all of its configuration)
# Load: cp netprobe.dnsmasq.conf /etc/dnsmasq.d/netprobe.conf && sh apply.sh && systemctl restart dnsmasq
# Replace: the same again: the sets are emptied, and fill as names are asked for
# Roll back: the same with the old files; to be without it, see the page: rules first, then dnsmasq
# Losses: 2 widened
#   widened (exfiltration): ecr-registry *.dkr.ecr.us-east-2.amazonaws.com, ecr-registry *.dkr.ecr.eu-west-1.amazonaws.com: no account was given, so the registry of every AWS account is admitted, not only your own: data can be pushed to any of them
#   always: it binds no name to a port: each is admitted on every port that is open, not on 80, 443 alone
#
# Run it as root: sh apply.sh (it governs what this host itself sends).
# dnsmasq runs with netprobe.dnsmasq.conf already; the sets begin empty, and fill as names are asked for.
set -eu
filters="iptables ip6tables"
# A kernel without IPv6 (ipv6.disable=1) has no such tables, and sends no such packets.
[ -e /proc/net/if_inet6 ] || filters=iptables
ours=NETPROBE-DNS
# A chain of this name in which no rule asks for our sets is somebody's, and would be emptied.
for tables in $filters; do
  case $("$tables" -w -S $ours 2>/dev/null) in
  *"--match-set netprobe-"* | "-N $ours" | "") ;;
  *) echo "nothing was loaded: $tables has a chain $ours that is not ours; render with another --name" >&2; exit 2 ;;
  esac
done
cd "$(dirname "$0")"
ipset restore -exist < netprobe.ipset
iptables-restore -w --noflush < netprobe.rules.v4
[ "$filters" = iptables ] || ip6tables-restore -w --noflush < netprobe.rules.v6
for tables in $filters; do
  # The rules that drop come first: at no moment is an unmarked query answered.
  for protocol in udp tcp; do
    "$tables" -w -C INPUT -p "$protocol" --dport 53 -j NETPROBE-ASK 2>/dev/null ||
      "$tables" -w -I INPUT -p "$protocol" --dport 53 -j NETPROBE-ASK
  done
  "$tables" -w -C OUTPUT ! -o lo -j NETPROBE-DNS 2>/dev/null || "$tables" -w -I OUTPUT ! -o lo -j NETPROBE-DNS
  for protocol in udp tcp; do
    "$tables" -w -t mangle -C PREROUTING -p "$protocol" --dport 53 -m addrtype --dst-type LOCAL -j NETPROBE-MARK \
      2>/dev/null ||
      "$tables" -w -t mangle -A PREROUTING -p "$protocol" --dport 53 -m addrtype --dst-type LOCAL -j NETPROBE-MARK
  done
done
