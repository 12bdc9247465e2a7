#!/bin/sh
# Additive: it allows what is listed and denies nothing; whatever else your rules say stays as it is
# Amazon ECS Anywhere allowlist for Check Point (domain objects, mgmt_cli)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2
# Another region: render it together with these; alone it takes this file's place, unless it has another --name
# Groups: control, images
# Allows: 6 endpoints by 10 entries, TCP port 443
# Open connections: they are matched again when the policy is installed, unless the gateway keeps connections
# Check: sh -n netprobe.sh
# Load: sh netprobe.sh LAYER on the management server, then: mgmt_cli -r true install-policy policy-package NAME
# Replace: the same: the old rules are replaced in the same session
# Roll back: mgmt_cli -r true revert-to-revision to-session UID, or Revisions in SmartConsole; install the policy
# Losses: 2 enumerated
#   enumerated: ecs-a ecs-a-*.us-east-2.amazonaws.com: the device cannot say ecs-a-*.us-east-2.amazonaws.com, so 3 names are listed (a test); AWS picks the number and may use one that is not listed: render again when it does
#   enumerated: ecs-t ecs-t-*.us-east-2.amazonaws.com: the device cannot say ecs-t-*.us-east-2.amazonaws.com, so 3 names are listed (a test); AWS picks the number and may use one that is not listed: render again when it does
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
ensure service-tcp 'netprobe-tcp-443' port 443 match-for-any false ignore-warnings true
domain '.123456789012.dkr.ecr.us-east-2.amazonaws.com'
domain '.ecs.us-east-2.amazonaws.com'
domain '.ecs-a.us-east-2.amazonaws.com'
domain '.ecs-a-1.us-east-2.amazonaws.com'
domain '.ecs-a-2.us-east-2.amazonaws.com'
domain '.ecs-a-22.us-east-2.amazonaws.com'
domain '.ecs-t-1.us-east-2.amazonaws.com'
domain '.ecs-t-2.us-east-2.amazonaws.com'
domain '.ecs-t-22.us-east-2.amazonaws.com'
domain '.prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com'
rule 'netprobe-allow-443' action Accept service 'netprobe-tcp-443' \
	destination.1 '.123456789012.dkr.ecr.us-east-2.amazonaws.com' \
	destination.2 '.ecs.us-east-2.amazonaws.com' \
	destination.3 '.ecs-a.us-east-2.amazonaws.com' \
	destination.4 '.ecs-a-1.us-east-2.amazonaws.com' \
	destination.5 '.ecs-a-2.us-east-2.amazonaws.com' \
	destination.6 '.ecs-a-22.us-east-2.amazonaws.com' \
	destination.7 '.ecs-t-1.us-east-2.amazonaws.com' \
	destination.8 '.ecs-t-2.us-east-2.amazonaws.com' \
	destination.9 '.ecs-t-22.us-east-2.amazonaws.com' \
	destination.10 '.prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com'
call publish
