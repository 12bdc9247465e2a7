#!/bin/sh
# Enforces and decides for every client: what is not listed is denied on port 443
# Amazon ECS Anywhere allowlist for dnsmasq with connection marks, and ipset (exact patterns)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2
# Another region: render it together with these; alone it takes this file's place, and under another --name each file denies what only the other allows
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
# Run it as root: sh netprobe.sh (it governs what this host itself sends).
# It writes $CONF (/etc/dnsmasq.d/netprobe.conf unless set) and loads sets and rules. Then restart dnsmasq.
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
conf=${CONF:-/etc/dnsmasq.d/netprobe.conf}

# dnsmasq passes over files whose name begins with a dot, so it never reads half of it.
new=$(dirname "$conf")/.netprobe.conf.new
cat > "$new" <<'END_OF_NAMES'
bind-dynamic
connmark-allowlist-enable=16777216
connmark-allowlist=16777216/16777216,123456789012.dkr.ecr.us-east-2.amazonaws.com
connmark-allowlist=16777216/16777217,ecs.us-east-2.amazonaws.com
connmark-allowlist=16777216/16777218,ecs-a.us-east-2.amazonaws.com
connmark-allowlist=16777216/16777219,prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com
connmark-allowlist=16777216/16777220,ecs-a-*.us-east-2.amazonaws.com
connmark-allowlist=16777216/16777221,ecs-t-*.us-east-2.amazonaws.com
address=/#/#
server=/amazonaws.com/#
ipset=/amazonaws.com/netprobe-dns-v4,netprobe-dns-v6
END_OF_NAMES
dnsmasq --test -C "$new"
mv "$new" "$conf"

ipset restore -exist <<'END_OF_SETS'
create netprobe-dns-v4 hash:ip family inet maxelem 65536 timeout 86400 -exist
create netprobe-dns-v6 hash:ip family inet6 maxelem 65536 timeout 86400 -exist
flush netprobe-dns-v4
flush netprobe-dns-v6
END_OF_SETS

iptables-restore -w --noflush <<'END_OF_RULES'
*filter
:NETPROBE-DNS - [0:0]
:NETPROBE-ASK - [0:0]
-A NETPROBE-DNS -p tcp -m tcp --dport 443 -m set --match-set netprobe-dns-v4 dst -j ACCEPT
-A NETPROBE-DNS -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN
-A NETPROBE-DNS -p tcp -m tcp --dport 443 -j REJECT --reject-with tcp-reset
-A NETPROBE-DNS -p udp -m udp --dport 443 -j REJECT --reject-with icmp-admin-prohibited
-A NETPROBE-ASK -m connmark --mark 16777216/16777216 -j RETURN
-A NETPROBE-ASK -j DROP
COMMIT
*mangle
:NETPROBE-MARK - [0:0]
-A NETPROBE-MARK -j CONNMARK --set-xmark 16777216/16777216
COMMIT
END_OF_RULES

[ "$filters" = iptables ] || ip6tables-restore -w --noflush <<'END_OF_RULES'
*filter
:NETPROBE-DNS - [0:0]
:NETPROBE-ASK - [0:0]
-A NETPROBE-DNS -p tcp -m tcp --dport 443 -m set --match-set netprobe-dns-v6 dst -j ACCEPT
-A NETPROBE-DNS -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN
-A NETPROBE-DNS -p tcp -m tcp --dport 443 -j REJECT --reject-with tcp-reset
-A NETPROBE-DNS -p udp -m udp --dport 443 -j REJECT --reject-with icmp6-adm-prohibited
-A NETPROBE-ASK -m connmark --mark 16777216/16777216 -j RETURN
-A NETPROBE-ASK -j DROP
COMMIT
*mangle
:NETPROBE-MARK - [0:0]
-A NETPROBE-MARK -j CONNMARK --set-xmark 16777216/16777216
COMMIT
END_OF_RULES

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
