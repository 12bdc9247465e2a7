# Additive: it allows what is listed and denies nothing; whatever else your rules say stays as it is
# Amazon ECS Anywhere allowlist for Check Point (domain objects, mgmt_cli), as Terraform (CheckPointSW/checkpoint)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2
# Another region: render it together with these; alone it takes this file's place, unless it has another --name
# Groups: control, images
# Allows: 6 endpoints by 10 entries, TCP port 443
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

resource "checkpoint_management_service_tcp" "netprobe-tcp-443" {
  name            = "netprobe-tcp-443"
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
  source = ["Any"]
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

resource "checkpoint_management_publish" "netprobe" {
  triggers = [
    jsonencode(checkpoint_management_access_rule.netprobe-allow-443),
  ]
}
