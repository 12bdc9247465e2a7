#!/bin/sh
# Additive: it allows what is listed and denies nothing; whatever else your rules say stays as it is
# Amazon ECS Anywhere allowlist for Cisco Meraki MX (layer 3 firewall rules)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2
# Another region: render it together with these; alone it takes this file's place, unless it has another --name
# Groups: control, images
# Allows: 6 endpoints by 10 entries, TCP port 443
# Open connections: layer 3 rules are stateful, and no page says what becomes of connections that are open
# Check: sh -n netprobe.sh
# Load: MERAKI_KEY=... sh netprobe.sh NETWORK_ID (it asks for curl and jq, and leaves netprobe-before.json)
# Replace: the same: what it made before is taken out by its comments, in the same request
# Roll back: PUT netprobe-before.json (the page says how)
# Losses: 2 enumerated
#   enumerated: ecs-a ecs-a-*.us-east-2.amazonaws.com: the device cannot say ecs-a-*.us-east-2.amazonaws.com, so 3 names are listed (a test); AWS picks the number and may use one that is not listed: render again when it does
#   enumerated: ecs-t ecs-t-*.us-east-2.amazonaws.com: the device cannot say ecs-t-*.us-east-2.amazonaws.com, so 3 names are listed (a test); AWS picks the number and may use one that is not listed: render again when it does
#   always: IPv6 is not governed: the rules are for IPv4
#
#   MERAKI_KEY=... sh netprobe.sh NETWORK_ID
set -eu

network="${1:?the id of the network, such as L_1234}"
: "${MERAKI_KEY:?the key of the dashboard API}"
url="${MERAKI_API:-https://api.meraki.com/api/v1}/networks/$network/appliance/firewall/l3FirewallRules"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
printf 'Authorization: Bearer %s\nContent-Type: application/json\n' "$MERAKI_KEY" >"$work/headers"
call() {
	curl --fail --silent --show-error --header "@$work/headers" "$@"
}
cat >"$work/ours.json" <<'RULES'
[
  {
    "comment": "netprobe-allow-443",
    "policy": "allow",
    "protocol": "tcp",
    "srcCidr": "Any",
    "srcPort": "Any",
    "destCidr": "123456789012.dkr.ecr.us-east-2.amazonaws.com,ecs.us-east-2.amazonaws.com,ecs-a.us-east-2.amazonaws.com,ecs-a-1.us-east-2.amazonaws.com,ecs-a-2.us-east-2.amazonaws.com,ecs-a-22.us-east-2.amazonaws.com,ecs-t-1.us-east-2.amazonaws.com,ecs-t-2.us-east-2.amazonaws.com,ecs-t-22.us-east-2.amazonaws.com,prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com",
    "destPort": "443",
    "syslogEnabled": false
  }
]

RULES
call "$url" >"$work/before.json"
# The rule at the end is Meraki's own, and is never sent; the log of it stays as it is.
jq '{
  rules: [.rules[] | select(.comment != "Default rule")],
  syslogDefaultRule: ([.rules[] | select(.comment == "Default rule") | .syslogEnabled] | last // false)
}' "$work/before.json" >netprobe-before.json
jq --slurpfile ours "$work/ours.json" '.rules = $ours[0] + [
  .rules[] | select((.comment // "") | test("^netprobe-(allow-[0-9]+|deny-(tcp|udp))$") | not)
]' netprobe-before.json >"$work/after.json"
call --request PUT --data "@$work/after.json" "$url" >/dev/null
