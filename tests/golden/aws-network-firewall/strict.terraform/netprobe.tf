# Additive: it allows what is listed and denies nothing; whatever else your rules say stays as it is
# Amazon ECS Anywhere allowlist for AWS Network Firewall (Suricata rules, Terraform), as Terraform (hashicorp/aws)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2
# Another region: render it together with these; alone it takes this file's place, unless it has another --name
# Groups: control, images
# Allows: 6 endpoints by 6 entries, TCP port 443
# Open connections: a flow that was passed stays passed until it ends
# Check: terraform validate && terraform plan
# Load: put netprobe.tf into a module, set its variables, terraform apply
# Replace: write the new file, terraform apply
# Roll back: write the old file (or take it away), terraform apply
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
      rules_string = <<RULES
pass tls $HOME_NET any -> $EXTERNAL_NET 443 (msg:"netprobe 123456789012.dkr.ecr.us-east-2.amazonaws.com"; flow:to_server,established; tls.sni; content:"123456789012.dkr.ecr.us-east-2.amazonaws.com"; startswith; endswith; nocase; sid:1000001; rev:1;)
pass tls $HOME_NET any -> $EXTERNAL_NET 443 (msg:"netprobe ecs.us-east-2.amazonaws.com"; flow:to_server,established; tls.sni; content:"ecs.us-east-2.amazonaws.com"; startswith; endswith; nocase; sid:1000002; rev:1;)
pass tls $HOME_NET any -> $EXTERNAL_NET 443 (msg:"netprobe ecs-a.us-east-2.amazonaws.com"; flow:to_server,established; tls.sni; content:"ecs-a.us-east-2.amazonaws.com"; startswith; endswith; nocase; sid:1000003; rev:1;)
pass tls $HOME_NET any -> $EXTERNAL_NET 443 (msg:"netprobe prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com"; flow:to_server,established; tls.sni; content:"prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com"; startswith; endswith; nocase; sid:1000004; rev:1;)
pass tls $HOME_NET any -> $EXTERNAL_NET 443 (msg:"netprobe ecs-a-*.us-east-2.amazonaws.com"; flow:to_server,established; tls.sni; pcre:"/^ecs-a-[a-z0-9-]+\.us-east-2\.amazonaws\.com$/i"; sid:1000005; rev:1;)
pass tls $HOME_NET any -> $EXTERNAL_NET 443 (msg:"netprobe ecs-t-*.us-east-2.amazonaws.com"; flow:to_server,established; tls.sni; pcre:"/^ecs-t-[a-z0-9-]+\.us-east-2\.amazonaws\.com$/i"; sid:1000006; rev:1;)
RULES
    }

    stateful_rule_options {
      rule_order = "STRICT_ORDER"
    }
  }
}

output "netprobe_rule_group_arn" {
  value = aws_networkfirewall_rule_group.netprobe.arn
}
