#!/usr/bin/python
# Copyright: the netprobe maintainers
# MIT, see LICENSE of netprobe
"""The documentation of the action of the same name, which does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: install
short_description: Put netprobe on a host that needs no Python
version_added: 0.1.0
description:
  - Sends the one-file binary under a name that holds its SHA-256, or installs the deb or rpm package.
  - What is there already is not sent again.
author:
  - The netprobe maintainers (@netprobe)
options:
  src:
    description:
      - The file on the controller, or a mapping from what C(uname -m) says to a file.
      - Needed unless O(state=absent).
    type: raw
  sha256:
    description:
      - The SHA-256 that O(src) must have, or a mapping from what C(uname -m) says to one. With another one the task
        fails before anything is sent.
    type: raw
  method:
    description: What O(src) is.
    type: str
    choices: [binary, deb, rpm]
    default: binary
  dir:
    description: The folder of the binary; it must belong to the user that runs netprobe, and to nobody else.
    type: path
    default: /var/cache/netprobe-ansible
  state:
    description:
      - V(absent) removes what this collection put there.
      - Of a package the settings file C(/etc/netprobe/netprobe.toml) stays as the host's tool has it, with dpkg always
        and with rpm where it was changed.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    support: full
    description: Nothing is sent.
  diff_mode:
    support: full
    description: The name of what comes and goes.
"""

EXAMPLES = r"""
- name: Send the binary once
  netprobe.ecs_anywhere.install:
    src:
      x86_64: files/netprobe-linux-x86_64
      aarch64: files/netprobe-linux-arm64

- name: Install the package
  netprobe.ecs_anywhere.install:
    method: deb
    src: files/netprobe-ecs_amd64.deb
    sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef

- name: Leave nothing behind
  netprobe.ecs_anywhere.install:
    state: absent
"""

RETURN = r"""
path:
  description: Where the binary is.
  returned: O(method=binary) and O(state=present)
  type: str
  sample: /var/cache/netprobe-ansible/netprobe-0123456789abcdef0123456789abcdef
"""
