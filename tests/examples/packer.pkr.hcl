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

source "qemu" "host" {
  iso_url      = var.iso_url
  iso_checksum = var.iso_checksum
  ssh_username = "root"
}

build {
  sources = ["source.qemu.host"]

  provisioner "shell" {
    inline = [
      "truncate -s 0 /etc/machine-id",
      "rm -rf /var/lib/amazon/ssm/Vault /var/lib/amazon/ssm/registration /var/lib/ecs/data",
      "python3 -m venv /tmp/netprobe && /tmp/netprobe/bin/pip install --quiet --no-cache-dir netprobe",
      "/tmp/netprobe/bin/netprobe image /",
      "rm -rf /tmp/netprobe",
    ]
  }
}
