#!/bin/sh
# Enforces and decides for every client: what is not listed is denied on port 443
# Amazon ECS Anywhere allowlist for dnsmasq with connection marks, and ipset (exact patterns)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2
# Groups: control, images
# Allows: 6 endpoints by 6 entries, TCP port 443
# Else: names are refused (REFUSED); addresses are refused (TCP reset, ICMP) on the endpoints' ports; other ports and forwarded packets are not touched
# Open connections: they stay open: what is established returns to your own rules
# Check: dnsmasq --test (with all of its configuration)
# Load: cp netprobe.dnsmasq.conf /etc/dnsmasq.d/netprobe.conf && sh apply.sh && systemctl restart dnsmasq
# Replace: the same again: the sets are emptied, and fill as names are asked for
# Roll back: the same with the old files; to be without it, see the page: rules first, then dnsmasq
# Losses: none in the rules; the device itself:
#   always: it binds no name to a port: each is admitted on every port that is open, not on 443 alone
#
# Run it as root: sh apply.sh (it governs what this host itself sends).
# dnsmasq runs with netprobe.dnsmasq.conf already; the sets begin empty, and fill as names are asked for.
set -eu
cd "$(dirname "$0")"
ipset restore -exist < netprobe.ipset
iptables-restore -w --noflush < netprobe.rules.v4
ip6tables-restore -w --noflush < netprobe.rules.v6
for tables in iptables ip6tables; do
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
