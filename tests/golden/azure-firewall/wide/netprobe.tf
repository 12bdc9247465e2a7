# Additive: it allows what is listed and denies nothing; whatever else your rules say stays as it is
# Amazon ECS Anywhere allowlist for Azure Firewall (application rules, Terraform)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2, eu-west-1
# Another region: render it together with these; alone it takes this file's place, unless it has another --name
# Groups: control, images, install
# Allows: 14 endpoints by 4 entries, TCP port 80, 443
# Open connections: a connection that is open stays open until it ends or idles
# Check: terraform validate && terraform plan
# Load: terraform apply, with the policy's id and the hosts' networks
# Replace: write the new file, terraform apply
# Roll back: write the old file, terraform apply
# Losses: 8 widened
#   widened (exfiltration): ecs-a ecs-a-*.us-east-2.amazonaws.com, ecs-t ecs-t-*.us-east-2.amazonaws.com: it also admits every other name beneath us-east-2.amazonaws.com, among them names that any AWS customer can own (buckets, load balancers): data can leave through it
#   widened (exfiltration): ecr-registry *.dkr.ecr.us-east-2.amazonaws.com, ecr-registry *.dkr.ecr.eu-west-1.amazonaws.com: no account was given, so the registry of every AWS account is admitted, not only your own: data can be pushed to any of them
#   widened: ecr-registry *.dkr.ecr.us-east-2.amazonaws.com: it also admits every other name beneath dkr.ecr.us-east-2.amazonaws.com
#   widened (exfiltration): ecs-a ecs-a-*.eu-west-1.amazonaws.com, ecs-t ecs-t-*.eu-west-1.amazonaws.com: it also admits every other name beneath eu-west-1.amazonaws.com, among them names that any AWS customer can own (buckets, load balancers): data can leave through it
#   widened: ecr-registry *.dkr.ecr.eu-west-1.amazonaws.com: it also admits every other name beneath dkr.ecr.eu-west-1.amazonaws.com

variable "netprobe_firewall_policy_id" {
  description = "The id of the azurerm_firewall_policy that the rules go into."
  type        = string
}

variable "netprobe_source_addresses" {
  description = "The networks that the ECS Anywhere hosts are in."
  type        = list(string)
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
      name             = "netprobe-80"
      source_addresses = var.netprobe_source_addresses

      protocols {
        type = "Http"
        port = 80
      }

      destination_fqdns = [
        "archive.ubuntu.com",
      ]
    }

    rule {
      name             = "netprobe-443"
      source_addresses = var.netprobe_source_addresses

      protocols {
        type = "Https"
        port = 443
      }

      destination_fqdns = [
        "download.docker.com",
        "*.eu-west-1.amazonaws.com",
        "*.us-east-2.amazonaws.com",
      ]
    }
  }
}
