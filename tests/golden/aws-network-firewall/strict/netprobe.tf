# Additive: it allows what is listed and denies nothing; whatever else your rules say stays as it is
# Amazon ECS Anywhere allowlist for AWS Network Firewall (Suricata rules, Terraform)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2
# Another region: render it together with these; alone it takes this file's place, unless it has another --name
# Groups: control, images
# Allows: 6 endpoints by 6 entries, TCP port 443
# Open connections: a flow that was passed stays passed until it ends
# Check: terraform validate && terraform plan
# Load: put both files into a module, terraform apply, and refer to the rule group in the firewall policy
# Replace: write the new files, terraform apply
# Roll back: write the old files, terraform apply
# Losses: none in the rules; the device itself:
#   always: a server name that holds a NUL is compared up to it
#   always: up to 16 KiB of a protocol that is not known pass before it is dropped

variable "netprobe_home_net" {
  description = "The networks that the ECS Anywhere hosts are in; without them their traffic passes."
  type        = list(string)
}

resource "aws_networkfirewall_rule_group" "netprobe" {
  name     = "netprobe-ecs-anywhere"
  type     = "STATEFUL"
  capacity = 1000

  rule_group {
    rule_variables {
      ip_sets {
        key = "HOME_NET"
        ip_set {
          definition = var.netprobe_home_net
        }
      }
    }

    rules_source {
      rules_string = file("${path.module}/netprobe.rules")
    }

    stateful_rule_options {
      rule_order = "STRICT_ORDER"
    }
  }
}

output "netprobe_rule_group_arn" {
  value = aws_networkfirewall_rule_group.netprobe.arn
}
