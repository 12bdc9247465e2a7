# Additive: it allows what is listed and denies nothing; whatever else your rules say stays as it is
# Amazon ECS Anywhere allowlist for Google Cloud firewall policy (FQDN objects)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2
# Another region: render it together with these; alone it takes this file's place, unless it has another --name
# Groups: control, images
# Allows: 6 endpoints by 10 entries, TCP port 443
# Open connections: they are tracked and stay open for as long as they are used; new ones are decided anew
# Check: terraform validate && terraform plan
# Load: put netprobe.tf into a module, set its variables, terraform apply; or: sh netprobe.sh POLICY PRIORITY
# Replace: write the new file, terraform apply
# Roll back: take the file away, terraform apply; or delete the rules by their priorities
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

resource "google_compute_network_firewall_policy_rule" "netprobe-allow-443-1" {
  firewall_policy = var.netprobe_firewall_policy
  priority        = var.netprobe_priority + 0
  rule_name       = "netprobe-allow-443-1"
  direction       = "EGRESS"
  action          = "allow"

  match {
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
