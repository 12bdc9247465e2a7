# Enforces for 198.51.100.16/28, 2001:db8:5::/48 only: what is not listed is denied on port 443
# Amazon ECS Anywhere allowlist for Google Cloud firewall policy (FQDN objects), as Terraform (hashicorp/google)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2
# Another region: render it together with these; alone it takes this file's place, and under another --name each file denies what only the other allows
# Groups: control, images
# Allows: 6 endpoints by 10 entries, TCP port 443
# For: 198.51.100.16/28, 2001:db8:5::/48 (the rule's source ranges, which are made from --source)
# Else: denied on the endpoints' ports (TCP and UDP)
# Open connections: they are tracked and stay open for as long as they are used; new ones are decided anew
# Check: terraform validate && terraform plan
# Load: put netprobe.tf into a module, set its variables, terraform apply
# Replace: write the new file, terraform apply
# Roll back: write the old file (or take it away), terraform apply
# Losses: 2 enumerated
#   enumerated: ecs-a ecs-a-*.us-east-2.amazonaws.com: the device cannot say ecs-a-*.us-east-2.amazonaws.com, so 3 names are listed (a test); AWS picks the number and may use one that is not listed: render again when it does
#   enumerated: ecs-t ecs-t-*.us-east-2.amazonaws.com: the device cannot say ecs-t-*.us-east-2.amazonaws.com, so 3 names are listed (a test); AWS picks the number and may use one that is not listed: render again when it does
#   always: of a name with more than 32 addresses of a family, 32 are admitted, and the others are not

variable "netprobe_firewall_policy" {
  description = "The name of the global network firewall policy that the rules go into."
  type        = string
}

variable "netprobe_priority" {
  description = "The priority of the first rule, in front of what denies; the others follow one by one."
  type        = number
  default     = 1000
}

resource "google_compute_network_firewall_policy_rule" "netprobe-allow-443-1-v4" {
  firewall_policy = var.netprobe_firewall_policy
  priority        = var.netprobe_priority + 0
  rule_name       = "netprobe-allow-443-1-v4"
  direction       = "EGRESS"
  action          = "allow"

  match {
    src_ip_ranges = ["198.51.100.16/28"]

    dest_fqdns = [
      "123456789012.dkr.ecr.us-east-2.amazonaws.com",
      "ecs.us-east-2.amazonaws.com",
      "ecs-a.us-east-2.amazonaws.com",
      "ecs-a-1.us-east-2.amazonaws.com",
      "ecs-a-2.us-east-2.amazonaws.com",
      "ecs-a-22.us-east-2.amazonaws.com",
      "ecs-t-1.us-east-2.amazonaws.com",
      "ecs-t-2.us-east-2.amazonaws.com",
      "ecs-t-22.us-east-2.amazonaws.com",
      "prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com",
    ]

    layer4_configs {
      ip_protocol = "tcp"
      ports       = ["443"]
    }
  }
}

resource "google_compute_network_firewall_policy_rule" "netprobe-allow-443-1-v6" {
  firewall_policy = var.netprobe_firewall_policy
  priority        = var.netprobe_priority + 1
  rule_name       = "netprobe-allow-443-1-v6"
  direction       = "EGRESS"
  action          = "allow"

  match {
    src_ip_ranges = ["2001:db8:5::/48"]

    dest_fqdns = [
      "123456789012.dkr.ecr.us-east-2.amazonaws.com",
      "ecs.us-east-2.amazonaws.com",
      "ecs-a.us-east-2.amazonaws.com",
      "ecs-a-1.us-east-2.amazonaws.com",
      "ecs-a-2.us-east-2.amazonaws.com",
      "ecs-a-22.us-east-2.amazonaws.com",
      "ecs-t-1.us-east-2.amazonaws.com",
      "ecs-t-2.us-east-2.amazonaws.com",
      "ecs-t-22.us-east-2.amazonaws.com",
      "prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com",
    ]

    layer4_configs {
      ip_protocol = "tcp"
      ports       = ["443"]
    }
  }
}

resource "google_compute_network_firewall_policy_rule" "netprobe-deny-v4" {
  firewall_policy = var.netprobe_firewall_policy
  priority        = var.netprobe_priority + 2
  rule_name       = "netprobe-deny-v4"
  direction       = "EGRESS"
  action          = "deny"

  match {
    src_ip_ranges = ["198.51.100.16/28"]

    dest_ip_ranges = ["0.0.0.0/0"]

    layer4_configs {
      ip_protocol = "tcp"
      ports       = ["443"]
    }

    layer4_configs {
      ip_protocol = "udp"
      ports       = ["443"]
    }
  }
}

resource "google_compute_network_firewall_policy_rule" "netprobe-deny-v6" {
  firewall_policy = var.netprobe_firewall_policy
  priority        = var.netprobe_priority + 3
  rule_name       = "netprobe-deny-v6"
  direction       = "EGRESS"
  action          = "deny"

  match {
    src_ip_ranges = ["2001:db8:5::/48"]

    dest_ip_ranges = ["::/0"]

    layer4_configs {
      ip_protocol = "tcp"
      ports       = ["443"]
    }

    layer4_configs {
      ip_protocol = "udp"
      ports       = ["443"]
    }
  }
}
