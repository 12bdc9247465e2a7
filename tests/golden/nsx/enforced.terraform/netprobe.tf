# Enforces for 198.51.100.16/28, 2001:db8:5::/48 only: what is not listed is denied on port 443
# Amazon ECS Anywhere allowlist for VMware NSX distributed firewall (4.1.2 and later), as Terraform (vmware/nsxt 3.8 or newer)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2
# Another region: render it together with these; alone it takes this file's place, and under another --name each file denies what only the other allows
# Groups: control, images
# Allows: 6 endpoints by 6 entries, TCP port 443
# For: 198.51.100.16/28, 2001:db8:5::/48 (the group netprobe-hosts, which is made from --source)
# Else: rejected by the rule netprobe-deny, TCP and UDP, on the ports named above
# Open connections: the distributed firewall checks them again when the rules change
# Check: terraform validate && terraform plan
# Load: put netprobe.tf into a module, set its variables, terraform apply
# Replace: write the new file, terraform apply
# Roll back: write the old file (or take it away), terraform apply
# Losses: none; it admits exactly the names above.

resource "nsxt_policy_context_profile_custom_attribute" "netprobe-1" {
  key       = "DOMAIN_NAME"
  attribute = "123456789012.dkr.ecr.us-east-2.amazonaws.com"
}

resource "nsxt_policy_context_profile_custom_attribute" "netprobe-2" {
  key       = "DOMAIN_NAME"
  attribute = "ecs.us-east-2.amazonaws.com"
}

resource "nsxt_policy_context_profile_custom_attribute" "netprobe-3" {
  key       = "DOMAIN_NAME"
  attribute = "ecs-a.us-east-2.amazonaws.com"
}

resource "nsxt_policy_context_profile_custom_attribute" "netprobe-4" {
  key       = "DOMAIN_NAME"
  attribute = "prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com"
}

resource "nsxt_policy_context_profile_custom_attribute" "netprobe-5" {
  key       = "DOMAIN_NAME"
  attribute = "ecs-a-^.us-east-2.amazonaws.com"
}

resource "nsxt_policy_context_profile_custom_attribute" "netprobe-6" {
  key       = "DOMAIN_NAME"
  attribute = "ecs-t-^.us-east-2.amazonaws.com"
}

resource "nsxt_policy_context_profile" "netprobe-443" {
  nsx_id       = "netprobe-443"
  display_name = "netprobe-443"

  domain_name {
    value = [
      "123456789012.dkr.ecr.us-east-2.amazonaws.com",
      "ecs.us-east-2.amazonaws.com",
      "ecs-a.us-east-2.amazonaws.com",
      "prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com",
      "ecs-a-^.us-east-2.amazonaws.com",
      "ecs-t-^.us-east-2.amazonaws.com",
    ]
  }

  depends_on = [
    nsxt_policy_context_profile_custom_attribute.netprobe-1,
    nsxt_policy_context_profile_custom_attribute.netprobe-2,
    nsxt_policy_context_profile_custom_attribute.netprobe-3,
    nsxt_policy_context_profile_custom_attribute.netprobe-4,
    nsxt_policy_context_profile_custom_attribute.netprobe-5,
    nsxt_policy_context_profile_custom_attribute.netprobe-6,
  ]
}

resource "nsxt_policy_service" "netprobe-tcp-443" {
  nsx_id       = "netprobe-tcp-443"
  display_name = "netprobe-tcp-443"

  l4_port_set_entry {
    display_name      = "tcp-443"
    protocol          = "TCP"
    destination_ports = ["443"]
  }
}

resource "nsxt_policy_service" "netprobe-udp-443" {
  nsx_id       = "netprobe-udp-443"
  display_name = "netprobe-udp-443"

  l4_port_set_entry {
    display_name      = "udp-443"
    protocol          = "UDP"
    destination_ports = ["443"]
  }
}

resource "nsxt_policy_group" "netprobe-hosts" {
  nsx_id       = "netprobe-hosts"
  display_name = "netprobe-hosts"

  criteria {
    ipaddress_expression {
      ip_addresses = ["198.51.100.16/28"]
    }
  }

  conjunction {
    operator = "OR"
  }

  criteria {
    ipaddress_expression {
      ip_addresses = ["2001:db8:5::/48"]
    }
  }
}

resource "nsxt_policy_security_policy" "netprobe" {
  nsx_id          = "netprobe"
  display_name    = "netprobe"
  category        = "Application"
  sequence_number = 0

  rule {
    display_name  = "netprobe-dns"
    action        = "ALLOW"
    source_groups = [nsxt_policy_group.netprobe-hosts.path]
    services      = ["/infra/services/DNS", "/infra/services/DNS-UDP"]
    profiles      = ["/infra/context-profiles/DNS"]
  }

  rule {
    display_name  = "netprobe-allow-443"
    action        = "ALLOW"
    source_groups = [nsxt_policy_group.netprobe-hosts.path]
    services      = [nsxt_policy_service.netprobe-tcp-443.path]
    profiles      = [nsxt_policy_context_profile.netprobe-443.path]
  }

  rule {
    display_name  = "netprobe-deny"
    action        = "REJECT"
    source_groups = [nsxt_policy_group.netprobe-hosts.path]
    services = [
      nsxt_policy_service.netprobe-tcp-443.path,
      nsxt_policy_service.netprobe-udp-443.path,
    ]
  }
}
