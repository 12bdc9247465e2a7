# Additive: it allows what is listed and denies nothing; whatever else your rules say stays as it is
# Amazon ECS Anywhere allowlist for Route 53 Resolver DNS Firewall (Terraform)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2
# Another region: render it together with these; alone it takes this file's place, unless it has another --name
# Groups: control, images
# Allows: 6 endpoints by 10 entries, TCP port 443
# Open connections: they stay open: it decides when a name is looked up
# Check: terraform validate && terraform plan
# Load: terraform apply, with the rule group of yours and a priority in front of the rule that blocks
# Replace: write the new file, terraform apply
# Roll back: take the file away, terraform apply
# Losses: 2 enumerated
#   enumerated: ecs-a ecs-a-*.us-east-2.amazonaws.com: the device cannot say ecs-a-*.us-east-2.amazonaws.com, so 3 names are listed (a test); AWS picks the number and may use one that is not listed: render again when it does
#   enumerated: ecs-t ecs-t-*.us-east-2.amazonaws.com: the device cannot say ecs-t-*.us-east-2.amazonaws.com, so 3 names are listed (a test); AWS picks the number and may use one that is not listed: render again when it does
#   always: it binds no name to a port: each is admitted on every port that is open, not on 443 alone

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

resource "aws_route53_resolver_firewall_rule" "netprobe" {
  name                               = "netprobe-ecs-anywhere"
  action                             = "ALLOW"
  firewall_domain_list_id            = aws_route53_resolver_firewall_domain_list.netprobe.id
  firewall_domain_redirection_action = "TRUST_REDIRECTION_DOMAIN"
  firewall_rule_group_id             = var.netprobe_rule_group_id
  priority                           = var.netprobe_priority
}
