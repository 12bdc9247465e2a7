# Enforces for 198.51.100.16/28, 2001:db8:5::/48 only: what is not listed is denied on port 443
# Amazon ECS Anywhere allowlist for Fortinet FortiOS (static URL filter), as Terraform (fortinetdev/fortios)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2
# Another region: render it together with these; alone it takes this file's place, and under another --name each file denies what only the other allows
# Groups: control, images
# Allows: 6 endpoints by 6 entries, TCP port 443
# For: 198.51.100.16/28, 2001:db8:5::/48 (the address groups netprobe-hosts and netprobe-hosts6, which are made from --source)
# Else: blocked by the last entry of each list, and every other session on the ports named above, TCP and UDP, by the policy netprobe-deny
# Open connections: a policy change checks them again (firewall-session-dirty check-all, the default), so those to unlisted names end
# Check: terraform validate && terraform plan
# Load: put netprobe.tf into a module, set its variables, terraform apply
# Replace: write the new file, terraform apply
# Roll back: write the old file (or take it away), terraform apply
# Losses: none; it admits exactly the names above.

variable "netprobe_before" {
  description = "The number of the first policy of yours that decides about these sessions; ours go in front of it."
  type        = number
}

resource "fortios_firewall_address" "netprobe-198-923c7c77" {
  name   = "netprobe-198-923c7c77"
  type   = "ipmask"
  subnet = "198.51.100.16 255.255.255.240"
}

resource "fortios_firewall_addrgrp" "netprobe-hosts" {
  name = "netprobe-hosts"

  member {
    name = fortios_firewall_address.netprobe-198-923c7c77.name
  }
}

resource "fortios_firewall_address6" "netprobe-2001-db8-5---48-f4fb4db7" {
  name = "netprobe-2001-db8-5---48-f4fb4db7"
  type = "ipprefix"
  ip6  = "2001:db8:5::/48"
}

resource "fortios_firewall_addrgrp6" "netprobe-hosts6" {
  name = "netprobe-hosts6"

  member {
    name = fortios_firewall_address6.netprobe-2001-db8-5---48-f4fb4db7.name
  }
}

resource "fortios_webfilter_urlfilter" "netprobe-443" {
  fosid = 1000443
  name  = "netprobe-443"

  entries {
    id     = 1
    url    = "^123456789012\\.dkr\\.ecr\\.us-east-2\\.amazonaws\\.com([:/]|$)"
    type   = "regex"
    action = "allow"
    status = "enable"
  }

  entries {
    id     = 2
    url    = "^ecs\\.us-east-2\\.amazonaws\\.com([:/]|$)"
    type   = "regex"
    action = "allow"
    status = "enable"
  }

  entries {
    id     = 3
    url    = "^ecs-a\\.us-east-2\\.amazonaws\\.com([:/]|$)"
    type   = "regex"
    action = "allow"
    status = "enable"
  }

  entries {
    id     = 4
    url    = "^ecs-a-[a-z0-9-]+\\.us-east-2\\.amazonaws\\.com([:/]|$)"
    type   = "regex"
    action = "allow"
    status = "enable"
  }

  entries {
    id     = 5
    url    = "^ecs-t-[a-z0-9-]+\\.us-east-2\\.amazonaws\\.com([:/]|$)"
    type   = "regex"
    action = "allow"
    status = "enable"
  }

  entries {
    id     = 6
    url    = "^prod-us-east-2-starport-layer-bucket\\.s3\\.us-east-2\\.amazonaws\\.com([:/]|$)"
    type   = "regex"
    action = "allow"
    status = "enable"
  }

  entries {
    id     = 7
    url    = "*"
    type   = "wildcard"
    action = "block"
    status = "enable"
  }
}

resource "fortios_webfilter_profile" "netprobe-443" {
  name = "netprobe-443"

  web {
    urlfilter_table = fortios_webfilter_urlfilter.netprobe-443.fosid
  }

  ftgd_wf {
    options = "ftgd-disable"
  }
}

resource "fortios_firewallservice_custom" "netprobe-tcp-443" {
  name          = "netprobe-tcp-443"
  tcp_portrange = "443"
}

resource "fortios_firewallservice_custom" "netprobe-udp" {
  name          = "netprobe-udp"
  udp_portrange = "443"
}

resource "fortios_firewall_policy" "netprobe-deny" {
  policyid   = 1000000
  name       = "netprobe-deny"
  action     = "deny"
  schedule   = "always"
  logtraffic = "all"

  srcintf {
    name = "any"
  }

  dstintf {
    name = "any"
  }

  srcaddr {
    name = fortios_firewall_addrgrp.netprobe-hosts.name
  }

  dstaddr {
    name = "all"
  }

  srcaddr6 {
    name = fortios_firewall_addrgrp6.netprobe-hosts6.name
  }

  dstaddr6 {
    name = "all"
  }

  service {
    name = fortios_firewallservice_custom.netprobe-tcp-443.name
  }

  service {
    name = fortios_firewallservice_custom.netprobe-udp.name
  }
}

resource "fortios_firewall_policy_move" "netprobe-deny" {
  policyid_src = fortios_firewall_policy.netprobe-deny.policyid
  policyid_dst = var.netprobe_before
  move         = "before"
}

resource "fortios_firewall_policy" "netprobe-allow-443" {
  policyid          = 1000443
  name              = "netprobe-allow-443"
  action            = "accept"
  schedule          = "always"
  nat               = "enable"
  utm_status        = "enable"
  ssl_ssh_profile   = "certificate-inspection"
  webfilter_profile = fortios_webfilter_profile.netprobe-443.name
  logtraffic        = "all"

  srcintf {
    name = "any"
  }

  dstintf {
    name = "any"
  }

  srcaddr {
    name = fortios_firewall_addrgrp.netprobe-hosts.name
  }

  dstaddr {
    name = "all"
  }

  service {
    name = fortios_firewallservice_custom.netprobe-tcp-443.name
  }
}

resource "fortios_firewall_policy_move" "netprobe-allow-443" {
  policyid_src = fortios_firewall_policy.netprobe-allow-443.policyid
  policyid_dst = fortios_firewall_policy.netprobe-deny.policyid
  move         = "before"

  depends_on = [fortios_firewall_policy_move.netprobe-deny]
}

resource "fortios_firewall_policy" "netprobe-allow6-443" {
  policyid          = 11000443
  name              = "netprobe-allow6-443"
  action            = "accept"
  schedule          = "always"
  nat               = "disable"
  utm_status        = "enable"
  ssl_ssh_profile   = "certificate-inspection"
  webfilter_profile = fortios_webfilter_profile.netprobe-443.name
  logtraffic        = "all"

  srcintf {
    name = "any"
  }

  dstintf {
    name = "any"
  }

  srcaddr6 {
    name = fortios_firewall_addrgrp6.netprobe-hosts6.name
  }

  dstaddr6 {
    name = "all"
  }

  service {
    name = fortios_firewallservice_custom.netprobe-tcp-443.name
  }
}

resource "fortios_firewall_policy_move" "netprobe-allow6-443" {
  policyid_src = fortios_firewall_policy.netprobe-allow6-443.policyid
  policyid_dst = fortios_firewall_policy.netprobe-deny.policyid
  move         = "before"

  depends_on = [fortios_firewall_policy_move.netprobe-deny]
}
