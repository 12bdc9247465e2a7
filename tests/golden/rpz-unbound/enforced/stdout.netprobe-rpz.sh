#!/bin/sh
# Enforces for 198.51.100.16/28, 2001:db8:5::/48 only: what is not listed is denied on port 443
# Amazon ECS Anywhere allowlist for Unbound (two response policy zones)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2
# Another region: render it together with these; alone it takes this file's place, and under another --name each file denies what only the other allows
# Groups: control, images
# Allows: 6 endpoints by 10 entries, TCP port 443
# For: 198.51.100.16/28, 2001:db8:5::/48 (access-control-tag)
# Else: the name does not exist (NXDOMAIN)
# Open connections: a connection needs no name any more once it is open, so it stays open
# Check: unbound-checkconf, and for the zones: named-checkzone netprobe-allow.rpz netprobe-allow.rpz
# Load: include netprobe.conf before the first rpz clause, then: unbound-checkconf && unbound-control reload
# Replace: rename the new netprobe-allow.rpz into place, then: unbound-control auth_zone_reload netprobe-allow.rpz
# Roll back: rename the old netprobe-allow.rpz into place, then: unbound-control auth_zone_reload netprobe-allow.rpz
# Losses: 2 enumerated
#   enumerated: ecs-a ecs-a-*.us-east-2.amazonaws.com: the device cannot say ecs-a-*.us-east-2.amazonaws.com, so 3 names are listed (a test); AWS picks the number and may use one that is not listed: render again when it does
#   enumerated: ecs-t ecs-t-*.us-east-2.amazonaws.com: the device cannot say ecs-t-*.us-east-2.amazonaws.com, so 3 names are listed (a test); AWS picks the number and may use one that is not listed: render again when it does
#   always: it binds no name to a port: each is admitted on every port that is open, not on 443 alone
#
# Run it: sh netprobe-rpz.sh [FOLDER]; it writes two zones and the file to include into FOLDER, /etc/unbound/netprobe
# unless given (the paths inside are of that folder). Then include netprobe.conf before its first rpz clause, and:
# unbound-checkconf && unbound-control reload
set -eu
umask 022
folder=${1:-/etc/unbound/netprobe}
mkdir -p "$folder"

# Each file is written beside its place and renamed, so that no half of it is ever read.
put() {
  cat > "$folder/$1.new"
  mv "$folder/$1.new" "$folder/$1"
}

put netprobe-deny.rpz <<'END_OF_FILE'
$TTL 60
@ SOA localhost. netprobe.invalid. 1 3600 600 604800 60
@ NS localhost.
* CNAME .
END_OF_FILE

put netprobe-allow.rpz <<'END_OF_FILE'
$TTL 60
@ SOA localhost. netprobe.invalid. 1 3600 600 604800 60
@ NS localhost.
123456789012.dkr.ecr.us-east-2.amazonaws.com CNAME rpz-passthru.
ecs.us-east-2.amazonaws.com CNAME rpz-passthru.
ecs-a.us-east-2.amazonaws.com CNAME rpz-passthru.
ecs-a-1.us-east-2.amazonaws.com CNAME rpz-passthru.
ecs-a-2.us-east-2.amazonaws.com CNAME rpz-passthru.
ecs-a-22.us-east-2.amazonaws.com CNAME rpz-passthru.
ecs-t-1.us-east-2.amazonaws.com CNAME rpz-passthru.
ecs-t-2.us-east-2.amazonaws.com CNAME rpz-passthru.
ecs-t-22.us-east-2.amazonaws.com CNAME rpz-passthru.
prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com CNAME rpz-passthru.
END_OF_FILE

put netprobe.conf <<'END_OF_FILE'
server:
    module-config: "respip validator iterator"
    define-tag: "netprobe"
    access-control-tag: 198.51.100.16/28 "netprobe"
    access-control-tag: 2001:db8:5::/48 "netprobe"

rpz:
    name: "netprobe-allow.rpz."
    zonefile: "/etc/unbound/netprobe/netprobe-allow.rpz"
    tags: "netprobe"

rpz:
    name: "netprobe-deny.rpz."
    zonefile: "/etc/unbound/netprobe/netprobe-deny.rpz"
    tags: "netprobe"
END_OF_FILE
