#!/bin/sh
# Additive: it allows what is listed and denies nothing; whatever else your rules say stays as it is
# Amazon ECS Anywhere allowlist for Check Point (domain objects, mgmt_cli)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2, eu-west-1
# Another region: render it together with these; alone it takes this file's place, unless it has another --name
# Groups: control, images, install
# Allows: 14 endpoints by 13 entries, TCP port 80, 443
# Open connections: they are matched again when the policy is installed, unless the gateway keeps connections
# Check: sh -n netprobe.sh
# Load: sh netprobe.sh LAYER on the management server, then: mgmt_cli -r true install-policy policy-package NAME
# Replace: the same: the old rules are replaced in the same session
# Roll back: mgmt_cli -r true revert-to-revision to-session UID, or Revisions in SmartConsole; install the policy
# Losses: 2 widened, 6 address
#   address (exfiltration): ecs-a ecs-a-*.us-east-2.amazonaws.com, ecs-t ecs-t-*.us-east-2.amazonaws.com, ecr-registry *.dkr.ecr.us-east-2.amazonaws.com: said by all 2 networks of us-east-2 (a test): names of other AWS customers answer at them too, so data can leave through them
#   widened (exfiltration): ecr-registry *.dkr.ecr.us-east-2.amazonaws.com, ecr-registry *.dkr.ecr.eu-west-1.amazonaws.com: no account was given, so the registry of every AWS account is admitted, not only your own: data can be pushed to any of them
#   address (exfiltration): ecs-a ecs-a-*.eu-west-1.amazonaws.com, ecs-t ecs-t-*.eu-west-1.amazonaws.com, ecr-registry *.dkr.ecr.eu-west-1.amazonaws.com: said by all 3 networks of eu-west-1 (a test): names of other AWS customers answer at them too, so data can leave through them
#
# On the management server, in expert mode:
#   sh netprobe.sh LAYER
set -eu

layer="${1:?the name of the access layer, such as Network}"
session="$(mktemp)"
leave() {
	mgmt_cli -s "$session" discard >/dev/null 2>&1 || true
	mgmt_cli -s "$session" logout >/dev/null 2>&1 || true
	rm -f "$session" "$session.domain"
}
trap leave EXIT
call() {
	mgmt_cli -s "$session" "$@" >/dev/null
}
ensure() {
	kind="$1"
	name="$2"
	shift 2
	if call show "$kind" name "$name" 2>/dev/null; then
		call set "$kind" name "$name" "$@"
	else
		call add "$kind" name "$name" "$@"
	fi
}
# The name of a domain object is the domain, so it may be yours already: it is made where it is missing, never changed.
domain() {
	if ! mgmt_cli -s "$session" show dns-domain name "$1" --format json >"$session.domain" 2>/dev/null; then
		call add dns-domain name "$1" is-sub-domain false
	elif grep -q '"is-sub-domain" *: *true' "$session.domain"; then
		echo "$1: your object of this name holds its subdomains too; nothing was changed" >&2
		exit 1
	fi
}
rule() {
	name="$1"
	shift
	if call show access-rule layer "$layer" name "$name" 2>/dev/null; then
		call delete access-rule layer "$layer" name "$name"
	fi
	call add access-rule layer "$layer" position top name "$name" source Any track.type Log "$@"
}

mgmt_cli login -r true >"$session"
ensure service-tcp 'netprobe-tcp-80' port 80 match-for-any false ignore-warnings true
ensure service-tcp 'netprobe-tcp-443' port 443 match-for-any false ignore-warnings true
domain '.archive.ubuntu.com'
domain '.ecs.eu-west-1.amazonaws.com'
domain '.ecs-a.eu-west-1.amazonaws.com'
domain '.prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com'
domain '.ecs.us-east-2.amazonaws.com'
domain '.ecs-a.us-east-2.amazonaws.com'
domain '.prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com'
domain '.download.docker.com'
ensure network 'netprobe-192-e336915f' subnet '192.0.2.0' mask-length 24 ignore-warnings true
ensure network 'netprobe-198-9e6315b5' subnet '198.51.100.0' mask-length 24 ignore-warnings true
ensure network 'netprobe-203-43d5d8dd' subnet '203.0.113.8' mask-length 29 ignore-warnings true
ensure network 'netprobe-2001-db8-1---48-4d9cf62b' subnet6 '2001:db8:1::' mask-length6 48 ignore-warnings true
ensure network 'netprobe-2001-db8-2---48-80262f9a' subnet6 '2001:db8:2::' mask-length6 48 ignore-warnings true
rule 'netprobe-allow-80' action Accept service 'netprobe-tcp-80' \
	destination.1 '.archive.ubuntu.com'
rule 'netprobe-allow-443' action Accept service 'netprobe-tcp-443' \
	destination.1 '.ecs.eu-west-1.amazonaws.com' \
	destination.2 '.ecs-a.eu-west-1.amazonaws.com' \
	destination.3 '.prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com' \
	destination.4 '.ecs.us-east-2.amazonaws.com' \
	destination.5 '.ecs-a.us-east-2.amazonaws.com' \
	destination.6 '.prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com' \
	destination.7 '.download.docker.com' \
	destination.8 'netprobe-192-e336915f' \
	destination.9 'netprobe-198-9e6315b5' \
	destination.10 'netprobe-203-43d5d8dd' \
	destination.11 'netprobe-2001-db8-1---48-4d9cf62b' \
	destination.12 'netprobe-2001-db8-2---48-80262f9a'
call publish
