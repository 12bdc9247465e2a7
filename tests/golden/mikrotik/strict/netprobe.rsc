# Additive: it allows what is listed and denies nothing; whatever else your rules say stays as it is
# Amazon ECS Anywhere allowlist for MikroTik RouterOS 7 (address lists of names)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2
# Another region: render it together with these; alone it takes this file's place, unless it has another --name
# Groups: control, images
# Allows: 6 endpoints by 10 entries, TCP port 443
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
/ip firewall filter add chain="netprobe" action=accept protocol=tcp dst-port=443 dst-address-list="netprobe-443"
/ipv6 firewall filter add chain="netprobe" action=accept protocol=tcp dst-port=443 dst-address-list="netprobe-443"
