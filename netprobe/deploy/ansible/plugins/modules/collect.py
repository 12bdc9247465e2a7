#!/usr/bin/python
# Copyright: the netprobe maintainers
# MIT, see LICENSE of netprobe
"""The documentation of the action of the same name, which does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: collect
short_description: Fetch the report that a host wrote itself
version_added: 0.1.0
description:
  - Fetches a JSON report of C(netprobe check) from a host that needs no Python.
author:
  - The netprobe maintainers (@netprobe)
options:
  path:
    description: The report on the host.
    type: path
    required: true
  reports:
    description: The folder on the controller that gets one report a host.
    type: path
    required: true
  required:
    description: Whether a host without a report fails.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    description: No report is written.
  diff_mode:
    support: none
    description: A report is long; C(netprobe compare) says what differs.
"""

EXAMPLES = r"""
- name: Fetch what the timer wrote
  netprobe.ecs_anywhere.collect:
    path: /var/lib/netprobe/report.json
    reports: reports
"""

RETURN = r"""
verdict:
  description: The answer of the report.
  returned: when there is a report
  type: str
report:
  description: The report on the controller.
  returned: when there is a report
  type: str
"""
