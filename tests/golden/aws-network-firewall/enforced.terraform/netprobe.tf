# Enforces for 198.51.100.16/28, 2001:db8:5::/48 only: what is not listed is denied on port 443
# Amazon ECS Anywhere allowlist for AWS Network Firewall (Suricata rules, Terraform), as Terraform (hashicorp/aws)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2
# Another region: render it together with these; alone it takes this file's place, and under another --name each file denies what only the other allows
# Groups: control, images
# Allows: 6 endpoints by 6 entries, TCP port 443
# For: 198.51.100.16/28, 2001:db8:5::/48 (HOME_NET of the rule group)
# Else: dropped on the ports named above, TCP and UDP, from HOME_NET; other ports are not touched
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
  default     = ["198.51.100.16/28", "2001:db8:5::/48"]
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
drop tls $HOME_NET any -> $EXTERNAL_NET 443 (msg:"netprobe: this server name is not on the list"; flow:to_server,established; ssl_state:client_hello; sid:1900001; rev:1;)
drop tcp $HOME_NET any -> $EXTERNAL_NET 443 (msg:"netprobe: this is not TLS"; flow:to_server,established; app-layer-protocol:!tls; sid:1900002; rev:1;)
drop tcp $HOME_NET any -> $EXTERNAL_NET 443 (msg:"netprobe: no server name within 16 KiB"; flow:to_server,established; stream_size:client,>,16384; sid:1900003; rev:1;)
drop udp $HOME_NET any -> $EXTERNAL_NET 443 (msg:"netprobe: QUIC is not on the list"; sid:1900004; rev:1;)
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
