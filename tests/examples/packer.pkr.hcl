# The last provisioner of a data-center image: judge what was built, and end the build if it is not ready.
# The report is the provisioner's output; nothing of netprobe stays in the image.
packer {
  required_plugins {
    qemu = {
      source  = "github.com/hashicorp/qemu"
      version = ">= 1.1.0"
    }
  }
}

variable "iso_url" {
  type = string
}

variable "iso_checksum" {
  type = string
}

variable "netprobe_url" {
  type        = string
  description = "netprobe-VERSION-linux-x86_64 of a release, or of your mirror of it"
}

variable "netprobe_sha256" {
  type        = string
  description = "its line in SHA256SUMS of that release"
}

source "qemu" "host" {
  iso_url      = var.iso_url
  iso_checksum = var.iso_checksum
  ssh_username = "root"
}

build {
  sources = ["source.qemu.host"]

  provisioner "shell" {
    environment_vars = [
      "NETPROBE_URL=${var.netprobe_url}",
      "NETPROBE_SHA256=${var.netprobe_sha256}",
      "NETPROBE_CACHE=/var/tmp/netprobe/cache",
    ]
    inline = [
      "truncate -s 0 /etc/machine-id",
      "rm -rf /var/lib/amazon/ssm/Vault /var/lib/amazon/ssm/registration /var/lib/ecs/data",
      "mkdir -m 700 /var/tmp/netprobe",
      "curl --fail --silent --show-error --location --output /var/tmp/netprobe/netprobe \"$NETPROBE_URL\"",
      "echo \"$NETPROBE_SHA256  /var/tmp/netprobe/netprobe\" | sha256sum --check --quiet",
      "chmod 755 /var/tmp/netprobe/netprobe",
      "/var/tmp/netprobe/netprobe image /",
      "rm -rf /var/tmp/netprobe",
    ]
  }
}
