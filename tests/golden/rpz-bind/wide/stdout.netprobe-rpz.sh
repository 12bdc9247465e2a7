#!/bin/sh
# Additive: it allows what is listed and denies nothing; whatever else your rules say stays as it is
# Amazon ECS Anywhere allowlist for BIND 9 (two response policy zones)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2, eu-west-1
# Another region: render it together with these; alone it takes this file's place, unless it has another --name
# Groups: control, images, install
# Allows: 14 endpoints by 4 entries, TCP port 80, 443
# Open connections: a connection needs no name any more once it is open, so it stays open
# Check: named-checkconf -z (it must print both zones as loaded)
# Load: include netprobe-options.conf inside options and netprobe-zones.conf after them, then: rndc reconfig
# Replace: touch the new netprobe-allow.rpz, rename it into place, then: rndc reload netprobe-allow.rpz
# Roll back: touch the old netprobe-allow.rpz (BIND loads no file older than its zone), rename it into place, then: rndc reload netprobe-allow.rpz
# Losses: 8 widened
#   widened (exfiltration): ecs-a ecs-a-*.us-east-2.amazonaws.com, ecs-t ecs-t-*.us-east-2.amazonaws.com: it also admits every other name beneath us-east-2.amazonaws.com, among them names that any AWS customer can own (buckets, load balancers): data can leave through it
#   widened (exfiltration): ecr-registry *.dkr.ecr.us-east-2.amazonaws.com, ecr-registry *.dkr.ecr.eu-west-1.amazonaws.com: no account was given, so the registry of every AWS account is admitted, not only your own: data can be pushed to any of them
#   widened: ecr-registry *.dkr.ecr.us-east-2.amazonaws.com: it also admits every other name beneath dkr.ecr.us-east-2.amazonaws.com
#   widened (exfiltration): ecs-a ecs-a-*.eu-west-1.amazonaws.com, ecs-t ecs-t-*.eu-west-1.amazonaws.com: it also admits every other name beneath eu-west-1.amazonaws.com, among them names that any AWS customer can own (buckets, load balancers): data can leave through it
#   widened: ecr-registry *.dkr.ecr.eu-west-1.amazonaws.com: it also admits every other name beneath dkr.ecr.eu-west-1.amazonaws.com
#   always: it binds no name to a port: each is admitted on every port that is open, not on 80, 443 alone
#
# Run it: sh netprobe-rpz.sh [FOLDER]; it writes two zones and two files to include into FOLDER, /etc/bind/netprobe
# unless given (the paths inside are of that folder). Then include netprobe-options.conf inside options { ... } of
# named.conf, netprobe-zones.conf after them, and: named-checkconf -z && rndc reconfig && rndc reload
set -eu
umask 022
folder=${1:-/etc/bind/netprobe}
mkdir -p "$folder"

# Each file is written beside its place and renamed, so that no half of it is ever read.
put() {
  cat > "$folder/$1.new"
  mv "$folder/$1.new" "$folder/$1"
}

put netprobe-allow.rpz <<'END_OF_FILE'
$TTL 60
@ SOA localhost. netprobe.invalid. 1 3600 600 604800 60
@ NS localhost.
archive.ubuntu.com CNAME rpz-passthru.
download.docker.com CNAME rpz-passthru.
*.eu-west-1.amazonaws.com CNAME rpz-passthru.
*.us-east-2.amazonaws.com CNAME rpz-passthru.
END_OF_FILE

put netprobe-zones.conf <<'END_OF_FILE'
zone "netprobe-allow.rpz" {
    type primary;
    file "/etc/bind/netprobe/netprobe-allow.rpz";
    allow-query { none; };
    allow-transfer { none; };
};
END_OF_FILE

put netprobe-options.conf <<'END_OF_FILE'
response-policy {
    zone "netprobe-allow.rpz" policy given;
} qname-wait-recurse no break-dnssec yes recursive-only no min-update-interval 0;
END_OF_FILE
