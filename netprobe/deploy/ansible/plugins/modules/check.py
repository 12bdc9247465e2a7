#!/usr/bin/python
# Copyright: the netprobe maintainers
# MIT, see LICENSE of netprobe
"""The documentation of the action of the same name, which does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: check
short_description: Check whether a host will work with Amazon ECS Anywhere
version_added: 0.1.0
description:
  - Runs C(netprobe check) on a host that needs no Python, and saves its JSON report on the controller.
  - Changed means that the binary had to be sent and stays, or that the judgement is not that of the last report.
  - Failed means that the host is not ready, as O(fail_on) says.
author:
  - The netprobe maintainers (@netprobe)
options:
  binary:
    description: The one-file binary on the controller, or a mapping from what C(uname -m) says to a file.
    type: raw
  path:
    description: netprobe as it is installed on the host, instead of O(binary).
    type: path
  regions:
    description: AWS regions.
    type: list
    elements: str
    required: true
  options:
    description: More options of C(netprobe check).
    type: list
    elements: str
    default: []
  site:
    description: Where the host stands; C(netprobe fleet) groups by it.
    type: str
    default: ""
  labels:
    description: More labels of the host.
    type: dict
    default: {}
  reports:
    description: The folder on the controller that gets one report a host.
    type: path
    required: true
  dir:
    description: The folder of the binary on the host.
    type: path
    default: /var/cache/netprobe-ansible
  keep:
    description: Whether the binary stays for the next run; with V(false) nothing is left behind.
    type: bool
    default: true
  fail_on:
    description: Which verdict fails, and with it every worse one.
    type: str
    choices: [degraded, inconclusive, never, not_ready]
    default: not_ready
attributes:
  check_mode:
    support: full
    description: The host is looked at; nothing is kept there, and no report is written.
  diff_mode:
    support: full
    description: The judgement of the last report and this one.
"""

EXAMPLES = r"""
- name: Check every host, and let the report say the rest
  netprobe.ecs_anywhere.check:
    binary: files/netprobe-linux-x86_64
    regions: [us-east-2]
    site: "{{ site }}"
    reports: reports
    fail_on: never
"""

RETURN = r"""
verdict:
  description: The answer for the host.
  returned: always
  type: str
  sample: not_ready
report:
  description: The report on the controller.
  returned: always
  type: str
findings:
  description: Severity, finding and cause of each error.
  returned: always
  type: list
  elements: str
sent:
  description: Whether the binary had to be sent.
  returned: always
  type: bool
"""
