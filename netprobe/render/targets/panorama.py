"""Palo Alto Panorama: the category and rules of ``panos`` in a device group's pre-rulebase, as ``set`` commands.

Where firewalls are managed, what is typed on one of them is overruled, or overwritten, by what Panorama pushes. The
pre-rules of a device group stand before the firewall's own rules, and behind the shared pre-rules and those of parent
groups. What an entry of the category means is told in ``netprobe.render.targets.panos``: the claims are the same, since
the firewall that decides is.

Which device group is yours, netprobe does not know: every command holds the word ``DEVICE-GROUP`` in its place. Pasted
as it is, it makes a group of that name, which no firewall belongs to, so nothing is pushed anywhere.

A commit on Panorama changes no firewall; the push (``commit-all shared-policy``) does.

Strata Cloud Manager has pre-rules in folders and takes no ``set`` commands: its form is ``--as terraform``.
"""

from __future__ import annotations

from collections.abc import Mapping

from netprobe.catalog.model import Endpoint
from netprobe.render.model import Commands, Comment, File, Lowered, Policy, Scope, Source, TargetProof
from netprobe.render.targets import panos

NAME = "panorama"
TITLE = "Palo Alto Panorama (set commands, pre-rules of a device group)"
LAYER = panos.LAYER
COMMENT = Comment.HASH
CAPABILITY = panos.CAPABILITY
MAIN = File(name="netprobe.set", template="netprobe.set.j2", folder=panos.NAME)
FILES = (MAIN,)
SCOPE = Scope(
    clients="the address group netprobe-hosts of the device group, which is made from --source",
    sessions=panos.SCOPE.sessions.replace("a commit", "a push"),
)
COMMANDS = Commands(
    check="validate full",
    load="put your group's name for DEVICE-GROUP (the page has the line), paste it in configure mode, commit, then: "
    "commit-all shared-policy device-group DEVICE-GROUP",
    replace="the same: the old list is deleted first, and nothing takes effect before the push",
    rollback="load config from running-config.xml (before commit), or load config version N, commit, and push again",
)
PROOF = TargetProof(
    library="pan-os-python",
    grammar="PAN-OS URL category token rules",
)
SOURCES = (
    *panos.SOURCES,
    Source(
        where="https://docs.paloaltonetworks.com/panorama/10-2/panorama-admin/panorama-overview/"
        "centralized-firewall-configuration-and-update-management/device-groups/device-group-policies",
        read="2026-11-29",
    ),
    Source(
        where="https://docs.paloaltonetworks.com/ngfw/api/pan-os-xml-api-request-types-and-actions/commit-all",
        read="2026-11-29",
    ),
    Source(where="pan-os-python 1.13, panos.panorama and panos.policies (run)", read="2026-11-29"),
)


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """In a device group, before the rules of its firewalls."""
    paste = "Paste without these comments, and with the name of your device group for DEVICE-GROUP: see the page."
    return panos.place("device-group DEVICE-GROUP", "pre-rulebase", paste)
