"""Azure Firewall: application rules in a rule collection group, as Terraform and as a body for the REST API.

Decides on the TLS server name (port 80: the Host header). An asterisk may stand left-most only: ``*.x`` is any depth
without x itself; ``*x`` is taken too and admits ``evilx``, so it is never written; ``ecs-a-*`` is refused. Application
rules come after network rules: **a network rule that allows the port to everywhere makes them moot**. What no rule
allows is denied.
"""

from __future__ import annotations

from collections.abc import Mapping

from netprobe.catalog.model import Endpoint
from netprobe.render import text
from netprobe.render.model import (
    Commands,
    Comment,
    DeviceCapability,
    File,
    Form,
    Layer,
    Lowered,
    Policy,
    Scope,
    Source,
    TargetProof,
)

NAME = "azure-firewall"
TITLE = "Azure Firewall (application rules, Terraform)"
LAYER = Layer.SNI
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.SUFFIX}),
    default_action="denied by the firewall itself, unless a network rule or another application rule allows it",
)
MAIN = File(name="netprobe.tf", template="netprobe.tf.j2")
FILES = (MAIN, File(name="rule-collection-group.json", template="rule-collection-group.json.j2"))
SCOPE = Scope(
    clients="source addresses of the rules",
    sessions="a connection that is open stays open until it ends or idles",
)
COMMANDS = Commands(
    check="terraform validate && terraform plan",
    load="terraform apply, with the policy's id and the hosts' networks",
    replace="write the new file, terraform apply",
    rollback="write the old file, terraform apply",
)
PROOF = TargetProof(grammar="documented FQDN wildcards of application rules; Terraform by python-hcl2")
SOURCES = (
    Source(where="https://learn.microsoft.com/azure/firewall/firewall-faq", read="2026-11-23"),
    Source(
        where="https://registry.terraform.io/providers/hashicorp/azurerm/latest/docs/resources/"
        "firewall_policy_rule_collection_group",
        read="2026-11-23",
    ),
)
_PLAIN_HTTP = 80


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """The protocol's name for each port."""
    ports = {entry.port for entry in lowered.entries}
    return {"protocol": {port: text.identifier("Http" if port == _PLAIN_HTTP else "Https") for port in ports}}
