# Enforces for 198.51.100.16/28, 2001:db8:5::/48 only: what is not listed is denied on port 443
# Amazon ECS Anywhere allowlist for Check Point (domain objects, mgmt_cli), as Terraform (CheckPointSW/checkpoint)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2
# Another region: render it together with these; alone it takes this file's place, and under another --name each file denies what only the other allows
# Groups: control, images
# Allows: 6 endpoints by 10 entries, TCP port 443
# For: 198.51.100.16/28, 2001:db8:5::/48 (the group netprobe-hosts, which is made from --source)
# Else: dropped by the rule netprobe-deny, TCP and UDP, on the ports named above
# Open connections: they are matched again when the policy is installed, unless the gateway keeps connections
# Check: terraform validate && terraform plan
# Load: put netprobe.tf into a module, set its variables, terraform apply, then install the policy
# Replace: write the new file, terraform apply, then install the policy
# Roll back: write the old file (or take it away), terraform apply, then install the policy
# Losses: 2 enumerated
#   enumerated: ecs-a ecs-a-*.us-east-2.amazonaws.com: the device cannot say ecs-a-*.us-east-2.amazonaws.com, so 3 names are listed (a test); AWS picks the number and may use one that is not listed: render again when it does
#   enumerated: ecs-t ecs-t-*.us-east-2.amazonaws.com: the device cannot say ecs-t-*.us-east-2.amazonaws.com, so 3 names are listed (a test); AWS picks the number and may use one that is not listed: render again when it does

variable "netprobe_layer" {
  description = "The name of the access layer, such as Network."
  type        = string
}

resource "checkpoint_management_network" "netprobe-198-923c7c77" {
  name            = "netprobe-198-923c7c77"
  subnet4         = "198.51.100.16"
  mask_length4    = 28
  ignore_warnings = true
}

resource "checkpoint_management_network" "netprobe-2001-db8-5---48-f4fb4db7" {
  name            = "netprobe-2001-db8-5---48-f4fb4db7"
  subnet6         = "2001:db8:5::"
  mask_length6    = 48
  ignore_warnings = true
}

resource "checkpoint_management_group" "netprobe-hosts" {
  name = "netprobe-hosts"
  members = [
    checkpoint_management_network.netprobe-198-923c7c77.name,
    checkpoint_management_network.netprobe-2001-db8-5---48-f4fb4db7.name,
  ]
}

resource "checkpoint_management_service_tcp" "netprobe-tcp-443" {
  name            = "netprobe-tcp-443"
  port            = "443"
  match_for_any   = false
  ignore_warnings = true
}

resource "checkpoint_management_service_udp" "netprobe-udp-443" {
  name            = "netprobe-udp-443"
  port            = "443"
  match_for_any   = false
  ignore_warnings = true
}

resource "checkpoint_management_dns_domain" "netprobe-123456789012-d9eedf6f" {
  name          = ".123456789012.dkr.ecr.us-east-2.amazonaws.com"
  is_sub_domain = false
}

resource "checkpoint_management_dns_domain" "netprobe-ecs-9872cf81" {
  name          = ".ecs.us-east-2.amazonaws.com"
  is_sub_domain = false
}

resource "checkpoint_management_dns_domain" "netprobe-ecs-a-5b63edc3" {
  name          = ".ecs-a.us-east-2.amazonaws.com"
  is_sub_domain = false
}

resource "checkpoint_management_dns_domain" "netprobe-ecs-a-1-b5339042" {
  name          = ".ecs-a-1.us-east-2.amazonaws.com"
  is_sub_domain = false
}

resource "checkpoint_management_dns_domain" "netprobe-ecs-a-2-dd5cf392" {
  name          = ".ecs-a-2.us-east-2.amazonaws.com"
  is_sub_domain = false
}

resource "checkpoint_management_dns_domain" "netprobe-ecs-a-22-255d1633" {
  name          = ".ecs-a-22.us-east-2.amazonaws.com"
  is_sub_domain = false
}

resource "checkpoint_management_dns_domain" "netprobe-ecs-t-1-dbdc76a2" {
  name          = ".ecs-t-1.us-east-2.amazonaws.com"
  is_sub_domain = false
}

resource "checkpoint_management_dns_domain" "netprobe-ecs-t-2-eec842ea" {
  name          = ".ecs-t-2.us-east-2.amazonaws.com"
  is_sub_domain = false
}

resource "checkpoint_management_dns_domain" "netprobe-ecs-t-22-40fc49e3" {
  name          = ".ecs-t-22.us-east-2.amazonaws.com"
  is_sub_domain = false
}

resource "checkpoint_management_dns_domain" "netprobe-prod-us-east-2-starport-layer-bucket-503b923e" {
  name          = ".prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com"
  is_sub_domain = false
}

resource "checkpoint_management_access_rule" "netprobe-allow-443" {
  layer  = var.netprobe_layer
  name   = "netprobe-allow-443"
  action = "Accept"
  source = [checkpoint_management_group.netprobe-hosts.name]
  destination = [
    checkpoint_management_dns_domain.netprobe-123456789012-d9eedf6f.name,
    checkpoint_management_dns_domain.netprobe-ecs-9872cf81.name,
    checkpoint_management_dns_domain.netprobe-ecs-a-5b63edc3.name,
    checkpoint_management_dns_domain.netprobe-ecs-a-1-b5339042.name,
    checkpoint_management_dns_domain.netprobe-ecs-a-2-dd5cf392.name,
    checkpoint_management_dns_domain.netprobe-ecs-a-22-255d1633.name,
    checkpoint_management_dns_domain.netprobe-ecs-t-1-dbdc76a2.name,
    checkpoint_management_dns_domain.netprobe-ecs-t-2-eec842ea.name,
    checkpoint_management_dns_domain.netprobe-ecs-t-22-40fc49e3.name,
    checkpoint_management_dns_domain.netprobe-prod-us-east-2-starport-layer-bucket-503b923e.name,
  ]
  service = [checkpoint_management_service_tcp.netprobe-tcp-443.name]

  position {
    top = "top"
  }

  track {
    type = "Log"
  }
}

resource "checkpoint_management_access_rule" "netprobe-deny" {
  layer       = var.netprobe_layer
  name        = "netprobe-deny"
  action      = "Drop"
  source      = [checkpoint_management_group.netprobe-hosts.name]
  destination = ["Any"]
  service = [
    checkpoint_management_service_tcp.netprobe-tcp-443.name,
    checkpoint_management_service_udp.netprobe-udp-443.name,
  ]

  position {
    below = checkpoint_management_access_rule.netprobe-allow-443.name
  }

  track {
    type = "Log"
  }
}

resource "checkpoint_management_publish" "netprobe" {
  triggers = [
    jsonencode(checkpoint_management_group.netprobe-hosts),
    jsonencode(checkpoint_management_access_rule.netprobe-allow-443),
    jsonencode(checkpoint_management_access_rule.netprobe-deny),
  ]
}
