# Additive: it allows what is listed and denies nothing; whatever else your rules say stays as it is
# Amazon ECS Anywhere allowlist for Palo Alto Panorama (set commands, pre-rules of a device group), as Terraform (PaloAltoNetworks/scm 1.x (Strata Cloud Manager))
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2
# Another region: render it together with these; alone it takes this file's place, unless it has another --name
# Groups: control, images
# Allows: 6 endpoints by 10 entries, TCP port 443
# Open connections: a push leaves them; the device matches them again where session rematch is on (its default is off)
# Check: terraform validate && terraform plan
# Load: put netprobe.tf into a module, set its variables, terraform apply, then push
# Replace: write the new file, terraform apply, then push
# Roll back: write the old file (or take it away), terraform apply, then push
# Losses: 2 enumerated
#   enumerated: ecs-a ecs-a-*.us-east-2.amazonaws.com: the device cannot say ecs-a-*.us-east-2.amazonaws.com, so 3 names are listed (a test); AWS picks the number and may use one that is not listed: render again when it does
#   enumerated: ecs-t ecs-t-*.us-east-2.amazonaws.com: the device cannot say ecs-t-*.us-east-2.amazonaws.com, so 3 names are listed (a test); AWS picks the number and may use one that is not listed: render again when it does

variable "netprobe_folder" {
  description = "The folder of Strata Cloud Manager whose pre-rules these are."
  type        = string
}

resource "scm_url_category" "netprobe-443" {
  folder = var.netprobe_folder
  name   = "netprobe-443"
  type   = "URL List"
  list = [
    "123456789012.dkr.ecr.us-east-2.amazonaws.com/",
    "ecs.us-east-2.amazonaws.com/",
    "ecs-a.us-east-2.amazonaws.com/",
    "ecs-a-1.us-east-2.amazonaws.com/",
    "ecs-a-2.us-east-2.amazonaws.com/",
    "ecs-a-22.us-east-2.amazonaws.com/",
    "ecs-t-1.us-east-2.amazonaws.com/",
    "ecs-t-2.us-east-2.amazonaws.com/",
    "ecs-t-22.us-east-2.amazonaws.com/",
    "prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com/",
  ]
}

resource "scm_service" "netprobe-tcp-443" {
  folder   = var.netprobe_folder
  name     = "netprobe-tcp-443"
  protocol = { tcp = { port = "443" } }
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
