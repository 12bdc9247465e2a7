# Enforces for 198.51.100.16/28, 2001:db8:5::/48 only: what is not listed is denied on port 443
# Amazon ECS Anywhere allowlist for AWS Network Firewall (domain list, Terraform), as Terraform (hashicorp/aws)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2
# Another region: render it together with these; alone it takes this file's place, and under another --name each file denies what only the other allows
# Groups: control, images
# Allows: 6 endpoints by 10 entries, TCP port 443
# For: 198.51.100.16/28, 2001:db8:5::/48 (HOME_NET of the rule group)
# Else: TLS to other server names is dropped on every port, from HOME_NET; what is no TLS is not touched
# Open connections: a flow that was passed stays passed until it ends
# Check: terraform validate && terraform plan
# Load: put netprobe-domains.tf into a module, set its variables, terraform apply
# Replace: write the new file, terraform apply
# Roll back: write the old file (or take it away), terraform apply
# Losses: 2 enumerated
#   enumerated: ecs-a ecs-a-*.us-east-2.amazonaws.com: the device cannot say ecs-a-*.us-east-2.amazonaws.com, so 3 names are listed (a test); AWS picks the number and may use one that is not listed: render again when it does
#   enumerated: ecs-t ecs-t-*.us-east-2.amazonaws.com: the device cannot say ecs-t-*.us-east-2.amazonaws.com, so 3 names are listed (a test); AWS picks the number and may use one that is not listed: render again when it does
#   always: it binds no name to a port: each is admitted on every port that is open, not on 443 alone
#   always: QUIC (UDP 443) is neither of the two protocols that a domain list inspects, so it passes

variable "netprobe_home_net" {
  description = "The networks that the ECS Anywhere hosts are in; without them their traffic passes."
  type        = list(string)
  default     = ["198.51.100.16/28", "2001:db8:5::/48"]
}

resource "aws_networkfirewall_rule_group" "netprobe_domains" {
  name     = "netprobe-ecs-anywhere-domains"
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
      rules_source_list {
        generated_rules_type = "ALLOWLIST"
        target_types         = ["TLS_SNI"]
        targets = [
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
      }
    }

    stateful_rule_options {
      rule_order = "DEFAULT_ACTION_ORDER"
    }
  }
}

output "netprobe_domains_rule_group_arn" {
  value = aws_networkfirewall_rule_group.netprobe_domains.arn
}
