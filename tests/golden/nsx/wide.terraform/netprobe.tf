# Additive: it allows what is listed and denies nothing; whatever else your rules say stays as it is
# Amazon ECS Anywhere allowlist for VMware NSX distributed firewall (4.1.2 and later), as Terraform (vmware/nsxt 3.8 or newer)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2, eu-west-1
# Another region: render it together with these; alone it takes this file's place, unless it has another --name
# Groups: control, images, install
# Allows: 14 endpoints by 14 entries, TCP port 80, 443
# Open connections: the distributed firewall checks them again when the rules change
# Check: terraform validate && terraform plan
# Load: put netprobe.tf into a module, set its variables, terraform apply
# Replace: write the new file, terraform apply
# Roll back: write the old file (or take it away), terraform apply
# Losses: 2 widened
#   widened (exfiltration): ecr-registry *.dkr.ecr.us-east-2.amazonaws.com, ecr-registry *.dkr.ecr.eu-west-1.amazonaws.com: no account was given, so the registry of every AWS account is admitted, not only your own: data can be pushed to any of them

resource "nsxt_policy_context_profile_custom_attribute" "netprobe-1" {
  key       = "DOMAIN_NAME"
  attribute = "archive.ubuntu.com"
}

resource "nsxt_policy_context_profile_custom_attribute" "netprobe-2" {
  key       = "DOMAIN_NAME"
  attribute = "ecs.eu-west-1.amazonaws.com"
}

resource "nsxt_policy_context_profile_custom_attribute" "netprobe-3" {
  key       = "DOMAIN_NAME"
  attribute = "ecs-a.eu-west-1.amazonaws.com"
}

resource "nsxt_policy_context_profile_custom_attribute" "netprobe-4" {
  key       = "DOMAIN_NAME"
  attribute = "prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com"
}

resource "nsxt_policy_context_profile_custom_attribute" "netprobe-5" {
  key       = "DOMAIN_NAME"
  attribute = "ecs.us-east-2.amazonaws.com"
}

resource "nsxt_policy_context_profile_custom_attribute" "netprobe-6" {
  key       = "DOMAIN_NAME"
  attribute = "ecs-a.us-east-2.amazonaws.com"
}

resource "nsxt_policy_context_profile_custom_attribute" "netprobe-7" {
  key       = "DOMAIN_NAME"
  attribute = "prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com"
}

resource "nsxt_policy_context_profile_custom_attribute" "netprobe-8" {
  key       = "DOMAIN_NAME"
  attribute = "download.docker.com"
}

resource "nsxt_policy_context_profile_custom_attribute" "netprobe-9" {
  key       = "DOMAIN_NAME"
  attribute = "ecs-a-^.eu-west-1.amazonaws.com"
}

resource "nsxt_policy_context_profile_custom_attribute" "netprobe-10" {
  key       = "DOMAIN_NAME"
  attribute = "ecs-t-^.eu-west-1.amazonaws.com"
}

resource "nsxt_policy_context_profile_custom_attribute" "netprobe-11" {
  key       = "DOMAIN_NAME"
  attribute = "ecs-a-^.us-east-2.amazonaws.com"
}

resource "nsxt_policy_context_profile_custom_attribute" "netprobe-12" {
  key       = "DOMAIN_NAME"
  attribute = "ecs-t-^.us-east-2.amazonaws.com"
}

resource "nsxt_policy_context_profile_custom_attribute" "netprobe-13" {
  key       = "DOMAIN_NAME"
  attribute = "^.dkr.ecr.eu-west-1.amazonaws.com"
}

resource "nsxt_policy_context_profile_custom_attribute" "netprobe-14" {
  key       = "DOMAIN_NAME"
  attribute = "^.dkr.ecr.us-east-2.amazonaws.com"
}

resource "nsxt_policy_context_profile" "netprobe-80" {
  nsx_id       = "netprobe-80"
  display_name = "netprobe-80"

  domain_name {
    value = [
      "archive.ubuntu.com",
    ]
  }

  depends_on = [
    nsxt_policy_context_profile_custom_attribute.netprobe-1,
    nsxt_policy_context_profile_custom_attribute.netprobe-2,
    nsxt_policy_context_profile_custom_attribute.netprobe-3,
    nsxt_policy_context_profile_custom_attribute.netprobe-4,
    nsxt_policy_context_profile_custom_attribute.netprobe-5,
    nsxt_policy_context_profile_custom_attribute.netprobe-6,
    nsxt_policy_context_profile_custom_attribute.netprobe-7,
    nsxt_policy_context_profile_custom_attribute.netprobe-8,
    nsxt_policy_context_profile_custom_attribute.netprobe-9,
    nsxt_policy_context_profile_custom_attribute.netprobe-10,
    nsxt_policy_context_profile_custom_attribute.netprobe-11,
    nsxt_policy_context_profile_custom_attribute.netprobe-12,
    nsxt_policy_context_profile_custom_attribute.netprobe-13,
    nsxt_policy_context_profile_custom_attribute.netprobe-14,
  ]
}

resource "nsxt_policy_service" "netprobe-tcp-80" {
  nsx_id       = "netprobe-tcp-80"
  display_name = "netprobe-tcp-80"

  l4_port_set_entry {
    display_name      = "tcp-80"
    protocol          = "TCP"
    destination_ports = ["80"]
  }
}

resource "nsxt_policy_context_profile" "netprobe-443" {
  nsx_id       = "netprobe-443"
  display_name = "netprobe-443"

  domain_name {
    value = [
      "ecs.eu-west-1.amazonaws.com",
      "ecs-a.eu-west-1.amazonaws.com",
      "prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com",
      "ecs.us-east-2.amazonaws.com",
      "ecs-a.us-east-2.amazonaws.com",
      "prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com",
      "download.docker.com",
      "ecs-a-^.eu-west-1.amazonaws.com",
      "ecs-t-^.eu-west-1.amazonaws.com",
      "ecs-a-^.us-east-2.amazonaws.com",
      "ecs-t-^.us-east-2.amazonaws.com",
      "^.dkr.ecr.eu-west-1.amazonaws.com",
      "^.dkr.ecr.us-east-2.amazonaws.com",
    ]
  }

  depends_on = [
    nsxt_policy_context_profile_custom_attribute.netprobe-1,
    nsxt_policy_context_profile_custom_attribute.netprobe-2,
    nsxt_policy_context_profile_custom_attribute.netprobe-3,
    nsxt_policy_context_profile_custom_attribute.netprobe-4,
    nsxt_policy_context_profile_custom_attribute.netprobe-5,
    nsxt_policy_context_profile_custom_attribute.netprobe-6,
    nsxt_policy_context_profile_custom_attribute.netprobe-7,
    nsxt_policy_context_profile_custom_attribute.netprobe-8,
    nsxt_policy_context_profile_custom_attribute.netprobe-9,
    nsxt_policy_context_profile_custom_attribute.netprobe-10,
    nsxt_policy_context_profile_custom_attribute.netprobe-11,
    nsxt_policy_context_profile_custom_attribute.netprobe-12,
    nsxt_policy_context_profile_custom_attribute.netprobe-13,
    nsxt_policy_context_profile_custom_attribute.netprobe-14,
  ]
}

resource "nsxt_policy_service" "netprobe-tcp-443" {
  nsx_id       = "netprobe-tcp-443"
  display_name = "netprobe-tcp-443"

  l4_port_set_entry {
    display_name      = "tcp-443"
    protocol          = "TCP"
    destination_ports = ["443"]
  }
}

resource "nsxt_policy_security_policy" "netprobe" {
  nsx_id          = "netprobe"
  display_name    = "netprobe"
  category        = "Application"
  sequence_number = 0

  rule {
    display_name  = "netprobe-allow-80"
    action        = "ALLOW"
    source_groups = []
    services      = [nsxt_policy_service.netprobe-tcp-80.path]
    profiles      = [nsxt_policy_context_profile.netprobe-80.path]
  }

  rule {
    display_name  = "netprobe-allow-443"
    action        = "ALLOW"
    source_groups = []
    services      = [nsxt_policy_service.netprobe-tcp-443.path]
    profiles      = [nsxt_policy_context_profile.netprobe-443.path]
  }
}
