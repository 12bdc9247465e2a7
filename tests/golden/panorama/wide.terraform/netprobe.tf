# Additive: it allows what is listed and denies nothing; whatever else your rules say stays as it is
# Amazon ECS Anywhere allowlist for Palo Alto Panorama (set commands, pre-rules of a device group), as Terraform (PaloAltoNetworks/scm 1.x (Strata Cloud Manager))
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2, eu-west-1
# Another region: render it together with these; alone it takes this file's place, unless it has another --name
# Groups: control, images, install
# Allows: 14 endpoints by 8 entries, TCP port 80, 443
# Open connections: a push leaves them; the device matches them again where session rematch is on (its default is off)
# Check: terraform validate && terraform plan
# Load: put netprobe.tf into a module, set its variables, terraform apply, then push
# Replace: write the new file, terraform apply, then push
# Roll back: write the old file (or take it away), terraform apply, then push
# Losses: 6 widened
#   widened (exfiltration): ecs-a ecs-a-*.us-east-2.amazonaws.com, ecs-t ecs-t-*.us-east-2.amazonaws.com: it also admits every other name one label in front of us-east-2.amazonaws.com (every service of the region has one there, S3's shared endpoint too), and that takes data for any customer's bucket: data can leave through it
#   widened (exfiltration): ecr-registry *.dkr.ecr.us-east-2.amazonaws.com, ecr-registry *.dkr.ecr.eu-west-1.amazonaws.com: no account was given, so the registry of every AWS account is admitted, not only your own: data can be pushed to any of them
#   widened (exfiltration): ecs-a ecs-a-*.eu-west-1.amazonaws.com, ecs-t ecs-t-*.eu-west-1.amazonaws.com: it also admits every other name one label in front of eu-west-1.amazonaws.com (every service of the region has one there, S3's shared endpoint too), and that takes data for any customer's bucket: data can leave through it

variable "netprobe_folder" {
  description = "The folder of Strata Cloud Manager whose pre-rules these are."
  type        = string
}

resource "scm_url_category" "netprobe-80" {
  folder = var.netprobe_folder
  name   = "netprobe-80"
  type   = "URL List"
  list = [
    "archive.ubuntu.com/",
  ]
}

resource "scm_service" "netprobe-tcp-80" {
  folder   = var.netprobe_folder
  name     = "netprobe-tcp-80"
  protocol = { tcp = { port = "80" } }
}

resource "scm_url_category" "netprobe-443" {
  folder = var.netprobe_folder
  name   = "netprobe-443"
  type   = "URL List"
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

resource "scm_service" "netprobe-tcp-443" {
  folder   = var.netprobe_folder
  name     = "netprobe-tcp-443"
  protocol = { tcp = { port = "443" } }
}

resource "scm_security_rule" "netprobe-allow-80" {
  folder            = var.netprobe_folder
  name              = "netprobe-allow-80"
  position          = "pre"
  relative_position = "top"
  from              = ["any"]
  to                = ["any"]
  source            = ["any"]
  source_user       = ["any"]
  destination       = ["any"]
  application       = ["ssl", "web-browsing"]
  service           = [scm_service.netprobe-tcp-80.name]
  category          = [scm_url_category.netprobe-80.name]
  action            = "allow"
}

resource "scm_security_rule" "netprobe-allow-443" {
  folder            = var.netprobe_folder
  name              = "netprobe-allow-443"
  position          = "pre"
  relative_position = "top"
  from              = ["any"]
  to                = ["any"]
  source            = ["any"]
  source_user       = ["any"]
  destination       = ["any"]
  application       = ["ssl", "web-browsing"]
  service           = [scm_service.netprobe-tcp-443.name]
  category          = [scm_url_category.netprobe-443.name]
  action            = "allow"
}
