#!/bin/sh
# Enforces for 198.51.100.16/28, 2001:db8:5::/48 only: what is not listed is denied on port 443
# Amazon ECS Anywhere allowlist for BIND 9 (two response policy zones)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2
# Another region: render it together with these; alone it takes this file's place, and under another --name each file denies what only the other allows
# Groups: control, images
# Allows: 6 endpoints by 10 entries, TCP port 443
# For: 198.51.100.16/28, 2001:db8:5::/48 (rpz-client-ip: a zone before it passes everybody else)
# Else: the name does not exist (NXDOMAIN)
# Open connections: a connection needs no name any more once it is open, so it stays open
# Check: named-checkconf -z (it must print both zones as loaded)
# Load: include netprobe-options.conf inside options and netprobe-zones.conf after them, then: rndc reconfig
# Replace: touch the new netprobe-allow.rpz, rename it into place, then: rndc reload netprobe-allow.rpz
# Roll back: touch the old netprobe-allow.rpz (BIND loads no file older than its zone), rename it into place, then: rndc reload netprobe-allow.rpz
# Losses: 2 enumerated
#   enumerated: ecs-a ecs-a-*.us-east-2.amazonaws.com: the device cannot say ecs-a-*.us-east-2.amazonaws.com, so 3 names are listed (a test); AWS picks the number and may use one that is not listed: render again when it does
#   enumerated: ecs-t ecs-t-*.us-east-2.amazonaws.com: the device cannot say ecs-t-*.us-east-2.amazonaws.com, so 3 names are listed (a test); AWS picks the number and may use one that is not listed: render again when it does
#   always: it binds no name to a port: each is admitted on every port that is open, not on 443 alone
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

put netprobe-deny.rpz <<'END_OF_FILE'
$TTL 60
@ SOA localhost. netprobe.invalid. 1 3600 600 604800 60
@ NS localhost.
* CNAME .
END_OF_FILE

put netprobe-others.rpz <<'END_OF_FILE'
$TTL 60
@ SOA localhost. netprobe.invalid. 1 3600 600 604800 60
@ NS localhost.
1.0.0.0.0.rpz-client-ip CNAME rpz-passthru.
2.0.0.0.128.rpz-client-ip CNAME rpz-passthru.
3.0.0.0.224.rpz-client-ip CNAME rpz-passthru.
4.0.0.0.208.rpz-client-ip CNAME rpz-passthru.
5.0.0.0.200.rpz-client-ip CNAME rpz-passthru.
6.0.0.0.192.rpz-client-ip CNAME rpz-passthru.
7.0.0.0.196.rpz-client-ip CNAME rpz-passthru.
8.0.0.0.199.rpz-client-ip CNAME rpz-passthru.
9.0.0.128.198.rpz-client-ip CNAME rpz-passthru.
10.0.0.64.198.rpz-client-ip CNAME rpz-passthru.
11.0.0.0.198.rpz-client-ip CNAME rpz-passthru.
12.0.0.32.198.rpz-client-ip CNAME rpz-passthru.
13.0.0.56.198.rpz-client-ip CNAME rpz-passthru.
14.0.0.52.198.rpz-client-ip CNAME rpz-passthru.
15.0.0.48.198.rpz-client-ip CNAME rpz-passthru.
16.0.0.50.198.rpz-client-ip CNAME rpz-passthru.
17.0.128.51.198.rpz-client-ip CNAME rpz-passthru.
18.0.0.51.198.rpz-client-ip CNAME rpz-passthru.
19.0.64.51.198.rpz-client-ip CNAME rpz-passthru.
20.0.112.51.198.rpz-client-ip CNAME rpz-passthru.
21.0.104.51.198.rpz-client-ip CNAME rpz-passthru.
22.0.96.51.198.rpz-client-ip CNAME rpz-passthru.
23.0.102.51.198.rpz-client-ip CNAME rpz-passthru.
24.0.101.51.198.rpz-client-ip CNAME rpz-passthru.
25.128.100.51.198.rpz-client-ip CNAME rpz-passthru.
26.64.100.51.198.rpz-client-ip CNAME rpz-passthru.
27.32.100.51.198.rpz-client-ip CNAME rpz-passthru.
28.0.100.51.198.rpz-client-ip CNAME rpz-passthru.
1.0.0.0.0.0.0.0.8000.rpz-client-ip CNAME rpz-passthru.
2.0.0.0.0.0.0.0.4000.rpz-client-ip CNAME rpz-passthru.
3.0.0.0.0.0.0.0.0.rpz-client-ip CNAME rpz-passthru.
4.0.0.0.0.0.0.0.3000.rpz-client-ip CNAME rpz-passthru.
5.0.0.0.0.0.0.0.2800.rpz-client-ip CNAME rpz-passthru.
6.0.0.0.0.0.0.0.2400.rpz-client-ip CNAME rpz-passthru.
7.0.0.0.0.0.0.0.2200.rpz-client-ip CNAME rpz-passthru.
8.0.0.0.0.0.0.0.2100.rpz-client-ip CNAME rpz-passthru.
9.0.0.0.0.0.0.0.2080.rpz-client-ip CNAME rpz-passthru.
10.0.0.0.0.0.0.0.2040.rpz-client-ip CNAME rpz-passthru.
11.0.0.0.0.0.0.0.2020.rpz-client-ip CNAME rpz-passthru.
12.0.0.0.0.0.0.0.2010.rpz-client-ip CNAME rpz-passthru.
13.0.0.0.0.0.0.0.2008.rpz-client-ip CNAME rpz-passthru.
14.0.0.0.0.0.0.0.2004.rpz-client-ip CNAME rpz-passthru.
15.0.0.0.0.0.0.0.2002.rpz-client-ip CNAME rpz-passthru.
16.0.0.0.0.0.0.0.2000.rpz-client-ip CNAME rpz-passthru.
17.0.0.0.0.0.0.8000.2001.rpz-client-ip CNAME rpz-passthru.
18.0.0.0.0.0.0.4000.2001.rpz-client-ip CNAME rpz-passthru.
19.0.0.0.0.0.0.2000.2001.rpz-client-ip CNAME rpz-passthru.
20.0.0.0.0.0.0.1000.2001.rpz-client-ip CNAME rpz-passthru.
21.0.0.0.0.0.0.0.2001.rpz-client-ip CNAME rpz-passthru.
22.0.0.0.0.0.0.800.2001.rpz-client-ip CNAME rpz-passthru.
23.0.0.0.0.0.0.e00.2001.rpz-client-ip CNAME rpz-passthru.
24.0.0.0.0.0.0.c00.2001.rpz-client-ip CNAME rpz-passthru.
25.0.0.0.0.0.0.d00.2001.rpz-client-ip CNAME rpz-passthru.
26.0.0.0.0.0.0.dc0.2001.rpz-client-ip CNAME rpz-passthru.
27.0.0.0.0.0.0.d80.2001.rpz-client-ip CNAME rpz-passthru.
28.0.0.0.0.0.0.da0.2001.rpz-client-ip CNAME rpz-passthru.
29.0.0.0.0.0.0.db0.2001.rpz-client-ip CNAME rpz-passthru.
30.0.0.0.0.0.0.dbc.2001.rpz-client-ip CNAME rpz-passthru.
31.0.0.0.0.0.0.dba.2001.rpz-client-ip CNAME rpz-passthru.
32.0.0.0.0.0.0.db9.2001.rpz-client-ip CNAME rpz-passthru.
33.0.0.0.0.0.8000.db8.2001.rpz-client-ip CNAME rpz-passthru.
34.0.0.0.0.0.4000.db8.2001.rpz-client-ip CNAME rpz-passthru.
35.0.0.0.0.0.2000.db8.2001.rpz-client-ip CNAME rpz-passthru.
36.0.0.0.0.0.1000.db8.2001.rpz-client-ip CNAME rpz-passthru.
37.0.0.0.0.0.800.db8.2001.rpz-client-ip CNAME rpz-passthru.
38.0.0.0.0.0.400.db8.2001.rpz-client-ip CNAME rpz-passthru.
39.0.0.0.0.0.200.db8.2001.rpz-client-ip CNAME rpz-passthru.
40.0.0.0.0.0.100.db8.2001.rpz-client-ip CNAME rpz-passthru.
41.0.0.0.0.0.80.db8.2001.rpz-client-ip CNAME rpz-passthru.
42.0.0.0.0.0.40.db8.2001.rpz-client-ip CNAME rpz-passthru.
43.0.0.0.0.0.20.db8.2001.rpz-client-ip CNAME rpz-passthru.
44.0.0.0.0.0.10.db8.2001.rpz-client-ip CNAME rpz-passthru.
45.0.0.0.0.0.8.db8.2001.rpz-client-ip CNAME rpz-passthru.
46.0.0.0.0.0.0.db8.2001.rpz-client-ip CNAME rpz-passthru.
47.0.0.0.0.0.6.db8.2001.rpz-client-ip CNAME rpz-passthru.
48.0.0.0.0.0.4.db8.2001.rpz-client-ip CNAME rpz-passthru.
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

put netprobe-zones.conf <<'END_OF_FILE'
zone "netprobe-allow.rpz" {
    type primary;
    file "/etc/bind/netprobe/netprobe-allow.rpz";
    allow-query { none; };
    allow-transfer { none; };
};

zone "netprobe-deny.rpz" {
    type primary;
    file "/etc/bind/netprobe/netprobe-deny.rpz";
    allow-query { none; };
    allow-transfer { none; };
};

zone "netprobe-others.rpz" {
    type primary;
    file "/etc/bind/netprobe/netprobe-others.rpz";
    allow-query { none; };
    allow-transfer { none; };
};
END_OF_FILE

put netprobe-options.conf <<'END_OF_FILE'
response-policy {
    zone "netprobe-others.rpz" policy given;
    zone "netprobe-allow.rpz" policy given;
    zone "netprobe-deny.rpz" policy given;
} qname-wait-recurse no break-dnssec yes recursive-only no min-update-interval 0;
END_OF_FILE
