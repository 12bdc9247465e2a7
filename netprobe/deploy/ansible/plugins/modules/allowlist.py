#!/usr/bin/python
# Copyright: the netprobe maintainers
# MIT, see LICENSE of netprobe
"""The documentation of the action of the same name, which does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: allowlist
short_description: Render an allowlist and deploy it, with a way back
version_added: 0.1.0
description:
  - Renders with C(netprobe render) on the controller, and puts the file where the device includes it from.
  - The device judges it first and loads it then; if either fails, what was there is put back.
  - Rules only allow, unless O(options) say C(--enforce).
author:
  - The netprobe maintainers (@netprobe)
options:
  target:
    description: The device.
    type: str
    choices: [iptables, nftables, squid]
    required: true
  regions:
    description: AWS regions. Needed unless O(state=absent).
    type: list
    elements: str
    default: []
  options:
    description: More options of C(netprobe render).
    type: list
    elements: str
    default: []
  netprobe:
    description: netprobe on the controller.
    type: str
    default: netprobe
  path:
    description: The file on the device; the target's usual place if it is not given.
    type: path
  validate:
    description: A command that succeeds if the device accepts what now lies at O(path).
    type: str
  load:
    description: The command that loads it.
    type: str
  unload:
    description: The command that takes it out.
    type: str
  state:
    description: V(absent) takes the rules out; where a configuration includes the file, an empty one stays.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    support: full
    description: It is rendered and compared, and nothing is written.
  diff_mode:
    support: full
    description: The file as it is and as it would be.
"""

EXAMPLES = r"""
- name: Let the proxy allow what the hosts need
  netprobe.ecs_anywhere.allowlist:
    target: squid
    regions: [us-east-2]
    options: ["--account", "123456789012"]
"""

RETURN = r"""
path:
  description: The file on the device.
  returned: always
  type: str
"""
