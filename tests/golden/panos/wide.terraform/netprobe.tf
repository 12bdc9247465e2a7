# Additive: it allows what is listed and denies nothing; whatever else your rules say stays as it is
# Amazon ECS Anywhere allowlist for Palo Alto PAN-OS (set commands, custom URL category), as Terraform (PaloAltoNetworks/panos 2.x)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2, eu-west-1
# Another region: render it together with these; alone it takes this file's place, unless it has another --name
# Groups: control, images, install
# Allows: 14 endpoints by 8 entries, TCP port 80, 443
# Open connections: a commit leaves them; the device matches them again where session rematch is on (its default is off)
# Check: terraform validate && terraform plan
# Load: put netprobe.tf into a module, set its variables, terraform apply, then commit
# Replace: write the new file, terraform apply, then commit
# Roll back: write the old file (or take it away), terraform apply, then commit
# Losses: 6 widened
#   widened (exfiltration): ecs-a ecs-a-*.us-east-2.amazonaws.com, ecs-t ecs-t-*.us-east-2.amazonaws.com: it also admits every other name one label in front of us-east-2.amazonaws.com (every service of the region has one there, S3's shared endpoint too), and that takes data for any customer's bucket: data can leave through it
#   widened (exfiltration): ecr-registry *.dkr.ecr.us-east-2.amazonaws.com, ecr-registry *.dkr.ecr.eu-west-1.amazonaws.com: no account was given, so the registry of every AWS account is admitted, not only your own: data can be pushed to any of them
#   widened (exfiltration): ecs-a ecs-a-*.eu-west-1.amazonaws.com, ecs-t ecs-t-*.eu-west-1.amazonaws.com: it also admits every other name one label in front of eu-west-1.amazonaws.com (every service of the region has one there, S3's shared endpoint too), and that takes data for any customer's bucket: data can leave through it

variable "netprobe_location" {
  description = "Where the objects and rules go; of Panorama: { device_group = { name = \"NAME\" } }."
  type        = any
  default     = { vsys = { name = "vsys1" } }
}

resource "panos_custom_url_category" "netprobe-80" {
  location = var.netprobe_location
  name     = "netprobe-80"
  type     = "URL List"
  list = [
    "archive.ubuntu.com/",
  ]
}

resource "panos_service" "netprobe-tcp-80" {
  location = var.netprobe_location
  name     = "netprobe-tcp-80"
  protocol = { tcp = { destination_port = "80" } }
}

resource "panos_custom_url_category" "netprobe-443" {
  location = var.netprobe_location
  name     = "netprobe-443"
  type     = "URL List"
  list = [
    "prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com/",
    "prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com/",
    "download.docker.com/",
    "^.eu-west-1.amazonaws.com/",
    "^.dkr.ecr.eu-west-1.amazonaws.com/",
    "^.us-east-2.amazonaws.com/",
    "^.dkr.ecr.us-east-2.amazonaws.com/",
  ]
}

resource "panos_service" "netprobe-tcp-443" {
  location = var.netprobe_location
  name     = "netprobe-tcp-443"
  protocol = { tcp = { destination_port = "443" } }
}

resource "panos_security_policy_rules" "netprobe" {
  location = var.netprobe_location
  position = { where = "first" }
  rules = [
    {
      name                  = "netprobe-allow-80"
      source_zones          = ["any"]
      source_addresses      = ["any"]
      destination_zones     = ["any"]
      destination_addresses = ["any"]
      applications          = ["ssl", "web-browsing"]
      services              = [panos_service.netprobe-tcp-80.name]
      category              = [panos_custom_url_category.netprobe-80.name]
      action                = "allow"
    },
    {
      name                  = "netprobe-allow-443"
      source_zones          = ["any"]
      source_addresses      = ["any"]
      destination_zones     = ["any"]
      destination_addresses = ["any"]
      applications          = ["ssl", "web-browsing"]
      services              = [panos_service.netprobe-tcp-443.name]
      category              = [panos_custom_url_category.netprobe-443.name]
      action                = "allow"
    },
  ]
}
