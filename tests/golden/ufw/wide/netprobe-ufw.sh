#!/bin/sh
# Additive: it allows what is listed and denies nothing; whatever else your rules say stays as it is
# Amazon ECS Anywhere allowlist for ufw (a script of commands)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2, eu-west-1
# Another region: render it together with these; alone it takes this file's place, unless it has another --name
# Groups: control, images, install
# Allows: 12 endpoints by 5 entries, TCP port 443
# Open connections: they stay open: ufw admits established ones first
# Check: sh netprobe-ufw.sh check (each command with ufw --dry-run)
# Load: sh netprobe-ufw.sh add, and ufw must be active: ufw enable
# Replace: sh netprobe-ufw.sh add, of the new script (rule by rule; until it is done less is admitted)
# Roll back: sh netprobe-ufw.sh add, of the old script; to be without it: sh netprobe-ufw.sh remove
# Losses: 2 widened, 12 address, 2 refused
#   address (exfiltration): ecs, ecs-a, ecs-a-unnumbered, ecs-t, ecr-registry, ecr-layers: said by all 2 networks of us-east-2 (a test): names of other AWS customers answer at them too, so data can leave through them
#   widened (exfiltration): ecr-registry *.dkr.ecr.us-east-2.amazonaws.com, ecr-registry *.dkr.ecr.eu-west-1.amazonaws.com: no account was given, so the registry of every AWS account is admitted, not only your own: data can be pushed to any of them
#   address (exfiltration): ecs, ecs-a, ecs-a-unnumbered, ecs-t, ecr-registry, ecr-layers: said by all 3 networks of eu-west-1 (a test): names of other AWS customers answer at them too, so data can leave through them
#   refused: docker download.docker.com, packages archive.ubuntu.com: it is not a regional AWS name, so the published networks of us-east-2 do not hold it (resolving it would give its addresses)
#
# Run it as root: sh netprobe-ufw.sh check | add | remove
set -eu
mode=${1:-check}

admitted() {
  sed -e 's,/32 , ,' -e 's,/128 , ,' <<'END_OF_RULES'
192.0.2.0/24 443
198.51.100.0/24 443
203.0.113.8/29 443
2001:db8:1::/48 443
2001:db8:2::/48 443
END_OF_RULES
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

admitted | while read -r address port; do
  rule allow out proto tcp to "$address" port "$port,$port"
done
if [ "$mode" = add ]; then
  stale | while read -r address port; do
    ufw --force delete allow out proto tcp to "$address" port "$port,$port" < /dev/null
  done
fi
