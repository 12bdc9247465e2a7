# Enforces for 198.51.100.16/28, 2001:db8:5::/48 only: what is not listed is denied on port 443
# Amazon ECS Anywhere allowlist for AWS Network Firewall (domain list, Terraform)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2, eu-west-1
# Another region: render it together with these; alone it takes this file's place, and under another --name each file denies what only the other allows
# Groups: control, images, install
# Allows: 13 endpoints by 3 entries, TCP port 443
# For: 198.51.100.16/28, 2001:db8:5::/48 (HOME_NET of the rule group)
# Else: TLS to other server names is dropped on every port, from HOME_NET; what is no TLS is not touched
# Open connections: a flow that was passed stays passed until it ends
# Check: terraform validate && terraform plan
# Load: terraform apply, and refer to the rule group in a firewall policy with the default order of actions
# Replace: write the new file, terraform apply
# Roll back: write the old file, terraform apply
# Losses: 8 widened, 1 refused
#   widened (exfiltration): ecs-a ecs-a-*.us-east-2.amazonaws.com, ecs-t ecs-t-*.us-east-2.amazonaws.com: it also admits every other name beneath us-east-2.amazonaws.com, and the name itself, among them names that any AWS customer can own (buckets, load balancers): data can leave through it
#   widened (exfiltration): ecr-registry *.dkr.ecr.us-east-2.amazonaws.com, ecr-registry *.dkr.ecr.eu-west-1.amazonaws.com: no account was given, so the registry of every AWS account is admitted, not only your own: data can be pushed to any of them
#   widened: ecr-registry *.dkr.ecr.us-east-2.amazonaws.com: it also admits every other name beneath dkr.ecr.us-east-2.amazonaws.com, and the name itself
#   widened (exfiltration): ecs-a ecs-a-*.eu-west-1.amazonaws.com, ecs-t ecs-t-*.eu-west-1.amazonaws.com: it also admits every other name beneath eu-west-1.amazonaws.com, and the name itself, among them names that any AWS customer can own (buckets, load balancers): data can leave through it
#   widened: ecr-registry *.dkr.ecr.eu-west-1.amazonaws.com: it also admits every other name beneath dkr.ecr.eu-west-1.amazonaws.com, and the name itself
#   refused: packages archive.ubuntu.com: the device decides on the TLS server name, and plain HTTP has none
#   always: it binds no name to a port: each is admitted on every port that is open, not on 80, 443 alone
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
          "download.docker.com",
          ".eu-west-1.amazonaws.com",
          ".us-east-2.amazonaws.com",
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
