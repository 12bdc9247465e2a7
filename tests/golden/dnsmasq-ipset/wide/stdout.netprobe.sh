#!/bin/sh
# Additive: it allows what is listed and denies nothing; whatever else your rules say stays as it is
# Amazon ECS Anywhere allowlist for dnsmasq and ipset (addresses that it resolved)
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
# Roll back: the same with the old files; to be without it: iptables -D OUTPUT ! -o lo -j NETPROBE-DNS, and ip6tables
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
# Run it as root: sh netprobe.sh [CHAIN]; CHAIN is OUTPUT (packets of this host) unless given, or FORWARD on a router.
# It writes $CONF (/etc/dnsmasq.d/netprobe.conf unless set) and loads sets and rules. Then restart dnsmasq.
set -eu
chain=${1:-OUTPUT}
if [ "$chain" != OUTPUT ]; then
  echo "the rules name no hosts, so in $chain they would be for every machine behind this one: render them again with --source" >&2
  exit 2
fi
filters="iptables${BACKEND:-} ip6tables${BACKEND:-}"
# A kernel without IPv6 (ipv6.disable=1) has no such tables, and sends no such packets.
[ -e /proc/net/if_inet6 ] || filters=iptables${BACKEND:-}
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
ipset=/archive.ubuntu.com/netprobe-dns-v4,netprobe-dns-v6
ipset=/eu-west-1.amazonaws.com/netprobe-dns-v4,netprobe-dns-v6
ipset=/us-east-2.amazonaws.com/netprobe-dns-v4,netprobe-dns-v6
ipset=/download.docker.com/netprobe-dns-v4,netprobe-dns-v6
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
  index($0, ": ipset") {
    file = substr($0, 1, index($0, ": ipset") - 1)
    line = substr($0, length(file) + 3)
    sub(/[ \t]+#.*$/, "", line)
    if (line !~ /^ipset[ \t]*=[ \t]*\//) next
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

ipset restore -exist <<'END_OF_SETS'
create netprobe-dns-v4 hash:ip family inet maxelem 65536 timeout 86400 -exist
create netprobe-dns-v6 hash:ip family inet6 maxelem 65536 timeout 86400 -exist
flush netprobe-dns-v4
flush netprobe-dns-v6
END_OF_SETS

iptables${BACKEND:-}-restore -w --noflush <<'END_OF_RULES'
*filter
:NETPROBE-DNS - [0:0]
-A NETPROBE-DNS -p tcp -m tcp --dport 80 -m set --match-set netprobe-dns-v4 dst -j ACCEPT
-A NETPROBE-DNS -p tcp -m tcp --dport 443 -m set --match-set netprobe-dns-v4 dst -j ACCEPT
COMMIT
END_OF_RULES

[ "$filters" = iptables${BACKEND:-} ] || ip6tables${BACKEND:-}-restore -w --noflush <<'END_OF_RULES'
*filter
:NETPROBE-DNS - [0:0]
-A NETPROBE-DNS -p tcp -m tcp --dport 80 -m set --match-set netprobe-dns-v6 dst -j ACCEPT
-A NETPROBE-DNS -p tcp -m tcp --dport 443 -m set --match-set netprobe-dns-v6 dst -j ACCEPT
COMMIT
END_OF_RULES

for tables in $filters; do
  "$tables" -w -C "$chain" ! -o lo -j NETPROBE-DNS 2>/dev/null || "$tables" -w -I "$chain" ! -o lo -j NETPROBE-DNS
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
