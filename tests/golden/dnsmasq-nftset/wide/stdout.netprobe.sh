#!/bin/sh
# Additive: it allows what is listed and denies nothing; whatever else your rules say stays as it is
# Amazon ECS Anywhere allowlist for dnsmasq and nftables sets (addresses that it resolved)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2, eu-west-1
# Another region: render it together with these; alone it takes this file's place, unless it has another --name
# Groups: control, images, install
# Allows: 14 endpoints by 4 entries, TCP port 80, 443
# Open connections: they stay open: what is established returns to your own rules
# Check: dnsmasq --test -C netprobe.dnsmasq.conf
# Load: sh apply.sh && cp netprobe.dnsmasq.conf /etc/dnsmasq.d/netprobe.conf && systemctl restart dnsmasq
# Replace: the same again: the sets are emptied, and fill as names are asked for
# Roll back: take the jump out of your chain, then nft delete chain inet filter netprobe_dns, and its sets
# Losses: 16 widened
#   widened: ecs ecs.us-east-2.amazonaws.com: it also admits every other name beneath ecs.us-east-2.amazonaws.com
#   widened (exfiltration): ecs-a ecs-a-*.us-east-2.amazonaws.com, ecs-t ecs-t-*.us-east-2.amazonaws.com: it also admits every other name beneath us-east-2.amazonaws.com, and the name itself, among them names that any AWS customer can own (buckets, load balancers): data can leave through it
#   widened: ecs-a-unnumbered ecs-a.us-east-2.amazonaws.com: it also admits every other name beneath ecs-a.us-east-2.amazonaws.com
#   widened (exfiltration): ecr-registry *.dkr.ecr.us-east-2.amazonaws.com, ecr-registry *.dkr.ecr.eu-west-1.amazonaws.com: no account was given, so the registry of every AWS account is admitted, not only your own: data can be pushed to any of them
#   widened: ecr-registry *.dkr.ecr.us-east-2.amazonaws.com: it also admits every other name beneath dkr.ecr.us-east-2.amazonaws.com, and the name itself
#   widened (exfiltration): ecr-layers prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com: it also admits every other name beneath prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com, among them names that any AWS customer can own (buckets, load balancers): data can leave through it
#   widened: ecs ecs.eu-west-1.amazonaws.com: it also admits every other name beneath ecs.eu-west-1.amazonaws.com
#   widened (exfiltration): ecs-a ecs-a-*.eu-west-1.amazonaws.com, ecs-t ecs-t-*.eu-west-1.amazonaws.com: it also admits every other name beneath eu-west-1.amazonaws.com, and the name itself, among them names that any AWS customer can own (buckets, load balancers): data can leave through it
#   widened: ecs-a-unnumbered ecs-a.eu-west-1.amazonaws.com: it also admits every other name beneath ecs-a.eu-west-1.amazonaws.com
#   widened: ecr-registry *.dkr.ecr.eu-west-1.amazonaws.com: it also admits every other name beneath dkr.ecr.eu-west-1.amazonaws.com, and the name itself
#   widened (exfiltration): ecr-layers prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com: it also admits every other name beneath prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com, among them names that any AWS customer can own (buckets, load balancers): data can leave through it
#   widened: docker download.docker.com: it also admits every other name beneath download.docker.com
#   widened: packages archive.ubuntu.com: it also admits every other name beneath archive.ubuntu.com
#   always: it binds no name to a port: each is admitted on every port that is open, not on 80, 443 alone
#
# Run it as root: sh netprobe.sh [CHAIN]; CHAIN is output (packets of this host) unless given, or forward on a router.
# It writes $CONF (/etc/dnsmasq.d/netprobe.conf unless set) and loads sets and rules. Then restart dnsmasq.
set -eu
chain=${1:-output}
if [ "$chain" != output ]; then
  echo "the rules name no hosts, so in $chain they would be for every machine behind this one: render them again with --source" >&2
  exit 2
fi
if ! nft list chain inet filter "$chain" > /dev/null; then
  echo "there is no chain $chain in a table inet filter here: the page says what to do where yours has another name" >&2
  exit 2
fi
conf=${CONF:-/etc/dnsmasq.d/netprobe.conf}

# dnsmasq passes over files whose name begins with a dot, so it never reads half of it.
new=$(dirname "$conf")/.netprobe.conf.new
cat > "$new" <<'END_OF_NAMES'
nftset=/archive.ubuntu.com/4#inet#filter#netprobe_dns_v4,6#inet#filter#netprobe_dns_v6
nftset=/eu-west-1.amazonaws.com/4#inet#filter#netprobe_dns_v4,6#inet#filter#netprobe_dns_v6
nftset=/us-east-2.amazonaws.com/4#inet#filter#netprobe_dns_v4,6#inet#filter#netprobe_dns_v6
nftset=/download.docker.com/4#inet#filter#netprobe_dns_v4,6#inet#filter#netprobe_dns_v6
END_OF_NAMES
own=$new
# dnsmasq gives a name to one line alone, the longest that matches. Beside a line of yours for the same names one of the
# two sets would stay empty: then nothing is loaded. DNSMASQ_FILES says where your configuration is, if not in /etc.
folders=$(sed -n 's/^[[:space:]]*conf-dir[[:space:]]*=[[:space:]]*\([^,[:space:]]*\).*/\1/p' /etc/dnsmasq.conf 2>/dev/null || :)
files=${DNSMASQ_FILES:-/etc/dnsmasq.conf $(for folder in /etc/dnsmasq.d $folders; do echo "$folder"/*; done)}
beside=$(for file in "$own" $files; do if [ -f "$file" ]; then sed "s,^[[:space:]]*,$file: ," "$file"; fi; done |
  awk -v own="$own" '
  function within(name, zone) {
    return zone == "" || zone == "#" || name == zone || substr(name, length(name) - length(zone)) == "." zone
  }
  function lacks(sets, others,   one, i, n) {
    n = split(sets, one, ",")
    for (i = 1; i <= n; i++) if (!index("," others ",", "," one[i] ",")) return 1
    return 0
  }
  index($0, ": nftset") {
    file = substr($0, 1, index($0, ": nftset") - 1)
    line = substr($0, length(file) + 3)
    sub(/[ \t]+#.*$/, "", line)
    if (line !~ /^nftset[ \t]*=[ \t]*\//) next
    count = split(line, part, "/")
    for (i = 2; i < count; i++) {
      zone = tolower(part[i])
      if (file == own) { mine[zone] = part[count]; continue }
      for (name in mine) {
        if (within(name, zone) && lacks(part[count], mine[name]))
          print "  " $0 "\n    write ," part[count] " behind the line of " name " in " own
        if (within(zone, name) && lacks(mine[name], part[count]))
          print "  " $0 "\n    write ," mine[name] " behind it"
      }
    }
  }')
if [ -n "$beside" ]; then
  printf '%s\n' "nothing was loaded: dnsmasq joins no lines, and some of yours are for names of $own too:" "$beside" >&2
  exit 2
fi
dnsmasq --test -C "$new"
mv "$new" "$conf"

nft -f - <<'END_OF_RULES'
add chain inet filter netprobe_dns
flush chain inet filter netprobe_dns
add set inet filter netprobe_dns_v4 { type ipv4_addr; }
add set inet filter netprobe_dns_v6 { type ipv6_addr; }
flush set inet filter netprobe_dns_v4
flush set inet filter netprobe_dns_v6
add rule inet filter netprobe_dns ip daddr @netprobe_dns_v4 tcp dport 80 counter accept
add rule inet filter netprobe_dns ip6 daddr @netprobe_dns_v6 tcp dport 80 counter accept
add rule inet filter netprobe_dns ip daddr @netprobe_dns_v4 tcp dport 443 counter accept
add rule inet filter netprobe_dns ip6 daddr @netprobe_dns_v6 tcp dport 443 counter accept
END_OF_RULES
nft list chain inet filter "$chain" | grep -q "jump netprobe_dns\$" || nft insert rule inet filter "$chain" jump netprobe_dns
