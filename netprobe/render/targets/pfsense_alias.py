"""pfSense (and OPNsense): aliases of names and networks, for firewall rules of your own.

The device resolves every name of an alias itself, every 300 seconds, and admits the addresses; no wildcards. Its own
documents call names with short, rotating answers "not reasonable" for this, which names of AWS are: expect
connections that are refused until the next round.

Two forms of the same two aliases: text for the page *Bulk import* (its grammar was read in
firewall_aliases_import.php: a value, a space, a description of less than 200 characters without ``||``; no comments),
and the ``<alias>`` elements for a configuration file. An alias holds names or ports, never both, so a name is not
bound to a port. It cannot be run here: the tests read both forms with a reader of that grammar.
"""

from __future__ import annotations

from netprobe.render.model import (
    Commands,
    Comment,
    DeviceCapability,
    File,
    Form,
    Layer,
    Scope,
    Source,
    TargetProof,
    plain_context,
)

NAME = "pfsense-alias"
TITLE = "pfSense and OPNsense (aliases)"
LAYER = Layer.DNS_TO_IP
COMMENT = Comment.XML
CAPABILITY = DeviceCapability(
    beyond=("UDP 443 (QUIC) is not in the alias: a rule of yours must close it",),
    forms=frozenset({Form.EXACT, Form.ADDRESS}),
    ports=False,
    # The default table limit is 400000, half of which must stay free for reloading.
    max_entries=200_000,
    default_action="denied by the second rule of the page, for the alias netprobe_hosts, on the ports named above",
)
MAIN = File(name="netprobe.xml", template="netprobe.xml.j2")
FILES = (
    MAIN,
    File(name="netprobe.txt", template="netprobe.txt.j2"),
    File(name="netprobe_ports.txt", template="netprobe_ports.txt.j2"),
)
SCOPE = Scope(
    narrows=False,
    enforces=False,
    instead="it is a list for people and other programs; what denies is made of it elsewhere",
    sessions="nothing changes for them",
)
COMMANDS = Commands(
    check="",
    load="Firewall, Aliases, Import: paste netprobe.txt as netprobe and netprobe_ports.txt as netprobe_ports",
    replace="import under a new name, change the rule to it, Apply Changes, delete the old alias",
    rollback="Diagnostics, Backup & Restore, Config History: the revision before it",
)
PROOF = TargetProof(grammar="pfSense bulk import of aliases (its source) and alias XML")
SOURCES = (
    Source(where="github.com/pfsense/pfsense src/usr/local/www/firewall_aliases_import.php", read="2026-11-23"),
    Source(where="https://docs.netgate.com/pfsense/en/latest/firewall/aliases.html", read="2026-11-23"),
)
context = plain_context
