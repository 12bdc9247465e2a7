# Enforces for 198.51.100.16/28, 2001:db8:5::/48 only: what is not listed is denied on port 443
# Amazon ECS Anywhere allowlist for Azure Firewall (application rules, Terraform)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2
# Another region: render it together with these; alone it takes this file's place, and under another --name each file denies what only the other allows
# Groups: control, images
# Allows: 6 endpoints by 10 entries, TCP port 443
# For: 198.51.100.16/28, 2001:db8:5::/48 (source addresses of the rules)
# Else: denied by the firewall itself, unless a network rule or another application rule allows it
# Open connections: a connection that is open stays open until it ends or idles
# Check: terraform validate && terraform plan
# Load: terraform apply, with the policy's id and the hosts' networks
# Replace: write the new file, terraform apply
# Roll back: write the old file, terraform apply
# Losses: 2 enumerated
#   enumerated: ecs-a ecs-a-*.us-east-2.amazonaws.com: the device cannot say ecs-a-*.us-east-2.amazonaws.com, so 3 names are listed (a test); AWS picks the number and may use one that is not listed: render again when it does
#   enumerated: ecs-t ecs-t-*.us-east-2.amazonaws.com: the device cannot say ecs-t-*.us-east-2.amazonaws.com, so 3 names are listed (a test); AWS picks the number and may use one that is not listed: render again when it does

variable "netprobe_firewall_policy_id" {
  description = "The id of the azurerm_firewall_policy that the rules go into."
  type        = string
}

variable "netprobe_source_addresses" {
  description = "The networks that the ECS Anywhere hosts are in."
  type        = list(string)
  default     = ["198.51.100.16/28", "2001:db8:5::/48"]
}

resource "azurerm_firewall_policy_rule_collection_group" "netprobe" {
  name               = "netprobe-ecs-anywhere"
  firewall_policy_id = var.netprobe_firewall_policy_id
  priority           = 500

  application_rule_collection {
    name     = "netprobe-allow"
    priority = 500
    action   = "Allow"

    rule {
      name             = "netprobe-443"
      source_addresses = var.netprobe_source_addresses

      protocols {
        type = "Https"
        port = 443
      }

      destination_fqdns = [
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

  application_rule_collection {
    name     = "netprobe-deny"
    priority = 600
    action   = "Deny"

    rule {
      name             = "netprobe-deny"
      source_addresses = var.netprobe_source_addresses

      protocols {
        type = "Https"
        port = 443
      }

      destination_fqdns = ["*"]
    }
  }
}
