#!/bin/sh
# Enforces for what this host itself sends: what is not listed is denied on port 443
# Amazon ECS Anywhere allowlist for ufw (a script of commands)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2
# Another region: render it together with these; alone it takes this file's place, and under another --name each file denies what only the other allows
# Groups: control, images
# Allows: 6 endpoints by 16 entries, TCP port 443
# Else: refused (TCP reset, ICMP) on the ports named above; other ports and forwarded packets are not touched
# Open connections: they stay open: ufw admits established ones first
# Check: sh netprobe-ufw.sh check (each command with ufw --dry-run)
# Load: sh netprobe-ufw.sh add, and ufw must be active: ufw enable
# Replace: sh netprobe-ufw.sh add, of the new script (rule by rule; until it is done less is admitted)
# Roll back: sh netprobe-ufw.sh add, of the old script; to be without it: sh netprobe-ufw.sh remove
# Losses: 6 address
#   address (exfiltration): ecs ecs.us-east-2.amazonaws.com, ecs-a-unnumbered ecs-a.us-east-2.amazonaws.com, ecr-registry 123456789012.dkr.ecr.us-east-2.amazonaws.com, ecr-layers prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com: said by 2 addresses (a test): they change without notice, and names of other AWS customers answer at them too, so data can leave through them
#   address (exfiltration): ecs-a ecs-a-*.us-east-2.amazonaws.com, ecs-t ecs-t-*.us-east-2.amazonaws.com: said by 6 addresses (a test): they change without notice, and names of other AWS customers answer at them too, so data can leave through them
#
# Run it as root: sh netprobe-ufw.sh check | add | remove
set -eu
mode=${1:-check}

admitted() {
  sed -e 's,/32 , ,' -e 's,/128 , ,' <<'END_OF_RULES'
192.0.2.1/32 443
192.0.2.2/32 443
192.0.2.3/32 443
192.0.2.4/32 443
192.0.2.5/32 443
192.0.2.6/31 443
192.0.2.8/31 443
192.0.2.10/32 443
2001:db8::1/128 443
2001:db8::2/128 443
2001:db8::3/128 443
2001:db8::4/128 443
2001:db8::5/128 443
2001:db8::6/127 443
2001:db8::8/127 443
2001:db8::a/128 443
END_OF_RULES
}

# Everything, in halves: ufw would pass over "any" where a rule of yours for "any" exists, even one that allows.
refused() {
  while read -r port; do
    for half in 0.0.0.0/1 128.0.0.0/1 ::/1 8000::/1; do
      echo "$half $port"
    done
  done <<'END_OF_PORTS'
443
END_OF_PORTS
}

# A command of ufw without its comment, which marks the rules that are of this script. A port that is admitted stands
# twice (443,443): ufw passes over a command whose words a rule has already, be it one of yours that refuses, and would
# delete one of yours that allows.
rule() {
  case $mode in
    check) ufw --dry-run "$@" comment netprobe > /dev/null < /dev/null ;;
    remove) ufw --force delete "$@" < /dev/null ;;
    add)
      # A rule that exists already, perhaps behind another that admits more, would stay where it is.
      ufw --force delete "$@" > /dev/null < /dev/null 2>&1 || true
      ufw prepend "$@" comment netprobe < /dev/null
      ;;
  esac
}

stale() {
  ufw show added |
    sed -n "s/^ufw allow out to \([0-9a-f.:/]*\) port \([0-9]*\),[0-9]* proto tcp comment 'netprobe'\$/\1 \2/p" |
    while read -r address port; do
      admitted | grep -qxF "$address $port" || echo "$address $port"
    done
}

case $mode in
  check | add | remove) ;;
  *) echo "usage: sh netprobe-ufw.sh check | add | remove" >&2; exit 2 ;;
esac

# Refusals first: what is put to the front later stands before them.
refused | while read -r address port; do
  rule reject out to "$address" port "$port"
done
admitted | while read -r address port; do
  rule allow out proto tcp to "$address" port "$port,$port"
done
if [ "$mode" = add ]; then
  stale | while read -r address port; do
    ufw --force delete allow out proto tcp to "$address" port "$port,$port" < /dev/null
  done
fi
