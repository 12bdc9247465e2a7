# Additive: it allows what is listed and denies nothing; whatever else your rules say stays as it is
# Amazon ECS Anywhere allowlist for Route 53 Resolver DNS Firewall (Terraform), as Terraform (hashicorp/aws)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2, eu-west-1
# Another region: render it together with these; alone it takes this file's place, unless it has another --name
# Groups: control, images, install
# Allows: 14 endpoints by 4 entries, TCP port 80, 443
# Open connections: they stay open: it decides when a name is looked up
# Check: terraform validate && terraform plan
# Load: put netprobe-dns.tf into a module, set its variables, terraform apply
# Replace: write the new file, terraform apply
# Roll back: write the old file (or take it away), terraform apply
# Losses: 8 widened
#   widened (exfiltration): ecs-a ecs-a-*.us-east-2.amazonaws.com, ecs-t ecs-t-*.us-east-2.amazonaws.com: it also admits every other name beneath us-east-2.amazonaws.com, among them names that any AWS customer can own (buckets, load balancers): data can leave through it
#   widened (exfiltration): ecr-registry *.dkr.ecr.us-east-2.amazonaws.com, ecr-registry *.dkr.ecr.eu-west-1.amazonaws.com: no account was given, so the registry of every AWS account is admitted, not only your own: data can be pushed to any of them
#   widened: ecr-registry *.dkr.ecr.us-east-2.amazonaws.com: it also admits every other name beneath dkr.ecr.us-east-2.amazonaws.com
#   widened (exfiltration): ecs-a ecs-a-*.eu-west-1.amazonaws.com, ecs-t ecs-t-*.eu-west-1.amazonaws.com: it also admits every other name beneath eu-west-1.amazonaws.com, among them names that any AWS customer can own (buckets, load balancers): data can leave through it
#   widened: ecr-registry *.dkr.ecr.eu-west-1.amazonaws.com: it also admits every other name beneath dkr.ecr.eu-west-1.amazonaws.com
#   always: it binds no name to a port: each is admitted on every port that is open, not on 80, 443 alone

variable "netprobe_rule_group_id" {
  description = "The DNS Firewall rule group of yours that blocks; it gets one rule more."
  type        = string
}

variable "netprobe_priority" {
  description = "The place among the rules of the group: the lowest is asked first."
  type        = number
  default     = 100
}

resource "aws_route53_resolver_firewall_domain_list" "netprobe" {
  name = "netprobe-ecs-anywhere"
  domains = [
    "archive.ubuntu.com",
    "download.docker.com",
    "*.eu-west-1.amazonaws.com",
    "*.us-east-2.amazonaws.com",
  ]
}

resource "aws_route53_resolver_firewall_rule" "netprobe" {
  name                               = "netprobe-ecs-anywhere"
  action                             = "ALLOW"
  firewall_domain_list_id            = aws_route53_resolver_firewall_domain_list.netprobe.id
  firewall_domain_redirection_action = "TRUST_REDIRECTION_DOMAIN"
  firewall_rule_group_id             = var.netprobe_rule_group_id
  priority                           = var.netprobe_priority
}
