# Additive: it allows what is listed and denies nothing; whatever else your rules say stays as it is
# Amazon ECS Anywhere allowlist for Check Point (domain objects, mgmt_cli), as Terraform (CheckPointSW/checkpoint)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2, eu-west-1
# Another region: render it together with these; alone it takes this file's place, unless it has another --name
# Groups: control, images, install
# Allows: 14 endpoints by 13 entries, TCP port 80, 443
# Open connections: they are matched again when the policy is installed, unless the gateway keeps connections
# Check: terraform validate && terraform plan
# Load: put netprobe.tf into a module, set its variables, terraform apply, then install the policy
# Replace: write the new file, terraform apply, then install the policy
# Roll back: write the old file (or take it away), terraform apply, then install the policy
# Losses: 2 widened, 6 address
#   address (exfiltration): ecs-a ecs-a-*.us-east-2.amazonaws.com, ecs-t ecs-t-*.us-east-2.amazonaws.com, ecr-registry *.dkr.ecr.us-east-2.amazonaws.com: said by all 2 networks of us-east-2 (a test): names of other AWS customers answer at them too, so data can leave through them
#   widened (exfiltration): ecr-registry *.dkr.ecr.us-east-2.amazonaws.com, ecr-registry *.dkr.ecr.eu-west-1.amazonaws.com: no account was given, so the registry of every AWS account is admitted, not only your own: data can be pushed to any of them
#   address (exfiltration): ecs-a ecs-a-*.eu-west-1.amazonaws.com, ecs-t ecs-t-*.eu-west-1.amazonaws.com, ecr-registry *.dkr.ecr.eu-west-1.amazonaws.com: said by all 3 networks of eu-west-1 (a test): names of other AWS customers answer at them too, so data can leave through them

variable "netprobe_layer" {
  description = "The name of the access layer, such as Network."
  type        = string
}

resource "checkpoint_management_service_tcp" "netprobe-tcp-80" {
  name            = "netprobe-tcp-80"
  port            = "80"
  match_for_any   = false
  ignore_warnings = true
}

resource "checkpoint_management_service_tcp" "netprobe-tcp-443" {
  name            = "netprobe-tcp-443"
  port            = "443"
  match_for_any   = false
  ignore_warnings = true
}

resource "checkpoint_management_dns_domain" "netprobe-archive-a0f007d8" {
  name          = ".archive.ubuntu.com"
  is_sub_domain = false
}

resource "checkpoint_management_dns_domain" "netprobe-ecs-53a821a8" {
  name          = ".ecs.eu-west-1.amazonaws.com"
  is_sub_domain = false
}

resource "checkpoint_management_dns_domain" "netprobe-ecs-a-849827d2" {
  name          = ".ecs-a.eu-west-1.amazonaws.com"
  is_sub_domain = false
}

resource "checkpoint_management_dns_domain" "netprobe-prod-eu-west-1-starport-layer-bucket-2204f578" {
  name          = ".prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com"
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

resource "checkpoint_management_dns_domain" "netprobe-prod-us-east-2-starport-layer-bucket-503b923e" {
  name          = ".prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com"
  is_sub_domain = false
}

resource "checkpoint_management_dns_domain" "netprobe-download-0206ab7f" {
  name          = ".download.docker.com"
  is_sub_domain = false
}

resource "checkpoint_management_network" "netprobe-192-e336915f" {
  name            = "netprobe-192-e336915f"
  subnet4         = "192.0.2.0"
  mask_length4    = 24
  ignore_warnings = true
}

resource "checkpoint_management_network" "netprobe-198-9e6315b5" {
  name            = "netprobe-198-9e6315b5"
  subnet4         = "198.51.100.0"
  mask_length4    = 24
  ignore_warnings = true
}

resource "checkpoint_management_network" "netprobe-203-43d5d8dd" {
  name            = "netprobe-203-43d5d8dd"
  subnet4         = "203.0.113.8"
  mask_length4    = 29
  ignore_warnings = true
}

resource "checkpoint_management_network" "netprobe-2001-db8-1---48-4d9cf62b" {
  name            = "netprobe-2001-db8-1---48-4d9cf62b"
  subnet6         = "2001:db8:1::"
  mask_length6    = 48
  ignore_warnings = true
}

resource "checkpoint_management_network" "netprobe-2001-db8-2---48-80262f9a" {
  name            = "netprobe-2001-db8-2---48-80262f9a"
  subnet6         = "2001:db8:2::"
  mask_length6    = 48
  ignore_warnings = true
}

resource "checkpoint_management_access_rule" "netprobe-allow-80" {
  layer  = var.netprobe_layer
  name   = "netprobe-allow-80"
  action = "Accept"
  source = ["Any"]
  destination = [
    checkpoint_management_dns_domain.netprobe-archive-a0f007d8.name,
  ]
  service = [checkpoint_management_service_tcp.netprobe-tcp-80.name]

  position {
    top = "top"
  }

  track {
    type = "Log"
  }
}

resource "checkpoint_management_access_rule" "netprobe-allow-443" {
  layer  = var.netprobe_layer
  name   = "netprobe-allow-443"
  action = "Accept"
  source = ["Any"]
  destination = [
    checkpoint_management_dns_domain.netprobe-ecs-53a821a8.name,
    checkpoint_management_dns_domain.netprobe-ecs-a-849827d2.name,
    checkpoint_management_dns_domain.netprobe-prod-eu-west-1-starport-layer-bucket-2204f578.name,
    checkpoint_management_dns_domain.netprobe-ecs-9872cf81.name,
    checkpoint_management_dns_domain.netprobe-ecs-a-5b63edc3.name,
    checkpoint_management_dns_domain.netprobe-prod-us-east-2-starport-layer-bucket-503b923e.name,
    checkpoint_management_dns_domain.netprobe-download-0206ab7f.name,
    checkpoint_management_network.netprobe-192-e336915f.name,
    checkpoint_management_network.netprobe-198-9e6315b5.name,
    checkpoint_management_network.netprobe-203-43d5d8dd.name,
    checkpoint_management_network.netprobe-2001-db8-1---48-4d9cf62b.name,
    checkpoint_management_network.netprobe-2001-db8-2---48-80262f9a.name,
  ]
  service = [checkpoint_management_service_tcp.netprobe-tcp-443.name]

  position {
    below = checkpoint_management_access_rule.netprobe-allow-80.name
  }

  track {
    type = "Log"
  }
}

resource "checkpoint_management_publish" "netprobe" {
  triggers = [
    jsonencode(checkpoint_management_access_rule.netprobe-allow-80),
    jsonencode(checkpoint_management_access_rule.netprobe-allow-443),
  ]
}
