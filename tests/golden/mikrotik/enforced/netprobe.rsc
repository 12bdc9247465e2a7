# Enforces for 198.51.100.16/28, 2001:db8:5::/48 only: what is not listed is denied on port 443
# Amazon ECS Anywhere allowlist for MikroTik RouterOS 7 (address lists of names)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2
# Another region: render it together with these; alone it takes this file's place, and under another --name each file denies what only the other allows
# Groups: control, images
# Allows: 6 endpoints by 10 entries, TCP port 443
# For: 198.51.100.16/28, 2001:db8:5::/48 (the address list netprobe-hosts, which is made from --source)
# Else: rejected on the endpoints' ports (TCP and UDP)
# Open connections: they stay open where a rule of yours accepts established connections first, as the default configuration's does
# Load: put netprobe.rsc on the router, /import netprobe.rsc, add the jump (see the page)
# Replace: the same: the old lists and rules are removed first; do it in safe mode
# Roll back: remove the jump, then the chain and the lists (the page has the lines); in safe mode: Ctrl-D
# Losses: 2 enumerated
#   enumerated: ecs-a ecs-a-*.us-east-2.amazonaws.com: the device cannot say ecs-a-*.us-east-2.amazonaws.com, so 3 names are listed (a test); AWS picks the number and may use one that is not listed: render again when it does
#   enumerated: ecs-t ecs-t-*.us-east-2.amazonaws.com: the device cannot say ecs-t-*.us-east-2.amazonaws.com, so 3 names are listed (a test); AWS picks the number and may use one that is not listed: render again when it does
#
# Nothing is asked before a rule of your forward chain jumps to it: see the page.

/ip firewall filter remove [find chain="netprobe"]
/ipv6 firewall filter remove [find chain="netprobe"]
/ip firewall address-list remove [find list="netprobe-hosts"]
/ipv6 firewall address-list remove [find list="netprobe-hosts"]
/ip firewall address-list add list="netprobe-hosts" address=198.51.100.16/28
/ipv6 firewall address-list add list="netprobe-hosts" address=2001:db8:5::/48
/ip firewall address-list remove [find list="netprobe-443" dynamic=no]
/ipv6 firewall address-list remove [find list="netprobe-443" dynamic=no]
/ip firewall address-list add list="netprobe-443" address=123456789012.dkr.ecr.us-east-2.amazonaws.com
/ipv6 firewall address-list add list="netprobe-443" address=123456789012.dkr.ecr.us-east-2.amazonaws.com
/ip firewall address-list add list="netprobe-443" address=ecs.us-east-2.amazonaws.com
/ipv6 firewall address-list add list="netprobe-443" address=ecs.us-east-2.amazonaws.com
/ip firewall address-list add list="netprobe-443" address=ecs-a.us-east-2.amazonaws.com
/ipv6 firewall address-list add list="netprobe-443" address=ecs-a.us-east-2.amazonaws.com
/ip firewall address-list add list="netprobe-443" address=ecs-a-1.us-east-2.amazonaws.com
/ipv6 firewall address-list add list="netprobe-443" address=ecs-a-1.us-east-2.amazonaws.com
/ip firewall address-list add list="netprobe-443" address=ecs-a-2.us-east-2.amazonaws.com
/ipv6 firewall address-list add list="netprobe-443" address=ecs-a-2.us-east-2.amazonaws.com
/ip firewall address-list add list="netprobe-443" address=ecs-a-22.us-east-2.amazonaws.com
/ipv6 firewall address-list add list="netprobe-443" address=ecs-a-22.us-east-2.amazonaws.com
/ip firewall address-list add list="netprobe-443" address=ecs-t-1.us-east-2.amazonaws.com
/ipv6 firewall address-list add list="netprobe-443" address=ecs-t-1.us-east-2.amazonaws.com
/ip firewall address-list add list="netprobe-443" address=ecs-t-2.us-east-2.amazonaws.com
/ipv6 firewall address-list add list="netprobe-443" address=ecs-t-2.us-east-2.amazonaws.com
/ip firewall address-list add list="netprobe-443" address=ecs-t-22.us-east-2.amazonaws.com
/ipv6 firewall address-list add list="netprobe-443" address=ecs-t-22.us-east-2.amazonaws.com
/ip firewall address-list add list="netprobe-443" address=prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com
/ipv6 firewall address-list add list="netprobe-443" address=prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com
/ip firewall filter add chain="netprobe" action=accept protocol=tcp dst-port=443 dst-address-list="netprobe-443" src-address-list="netprobe-hosts"
/ipv6 firewall filter add chain="netprobe" action=accept protocol=tcp dst-port=443 dst-address-list="netprobe-443" src-address-list="netprobe-hosts"
/ip firewall filter add chain="netprobe" action=reject reject-with=icmp-admin-prohibited protocol=tcp dst-port=443 src-address-list="netprobe-hosts"
/ip firewall filter add chain="netprobe" action=reject reject-with=icmp-admin-prohibited protocol=udp dst-port=443 src-address-list="netprobe-hosts"
/ipv6 firewall filter add chain="netprobe" action=reject reject-with=icmp-admin-prohibited protocol=tcp dst-port=443 src-address-list="netprobe-hosts"
/ipv6 firewall filter add chain="netprobe" action=reject reject-with=icmp-admin-prohibited protocol=udp dst-port=443 src-address-list="netprobe-hosts"
