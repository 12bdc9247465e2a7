"""CoreDNS: which names resolve, by a server block with a view, and one that denies the rest.

CoreDNS gives a query to the first server block whose ``view`` is true. The expression sees the name in lower case with
the root's dot; names stand in a list, patterns in an anchored regular expression (Go RE2, inside a quoted string, so
every backslash is doubled). The second block has no view and answers NXDOMAIN, for every class and type: it must stay
the last one for its port, since blocks are asked in order. ``acl`` is no help, it knows source addresses only.

A ``Corefile`` is split into words at white space, ``#`` begins a comment and ``{$…}`` is replaced from the environment:
names hold none of them. All of an expression must stand on one line, and several ``expr`` would all have to be true, so
it is one line, however long. ``view`` came with CoreDNS 1.10.

It cannot be run here: the tests hold the output to the documented grammar, with a reader of their own. It decides about
names only: a client that knows an address, or asks another resolver, goes around it.
"""

from __future__ import annotations

from netprobe.render.model import (
    Commands,
    Comment,
    DeviceCapability,
    Dialect,
    File,
    Form,
    Layer,
    Scope,
    Source,
    TargetProof,
    plain_context,
)

NAME = "coredns"
TITLE = "CoreDNS (view and template)"
LAYER = Layer.DNS
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.REGEX}),
    regex=Dialect.RE2,
    ports=False,
    default_action="the name does not exist (NXDOMAIN)",
)
MAIN = File(name="Corefile", template="Corefile.j2")
FILES = (MAIN,)
SCOPE = Scope(
    clients="incidr(client_ip(), NETWORK) in the view",
    sessions="a connection needs no name any more once it is open, so it stays open",
)
COMMANDS = Commands(
    check="coredns -conf Corefile -dns.port 1053 (there is no dry run: start it on another port)",
    load="coredns -conf Corefile; in Kubernetes: kubectl -n kube-system create configmap coredns --from-file=Corefile "
    "--dry-run=client -o yaml | kubectl apply -f -",
    replace="rename the new Corefile into place, then kill -USR1 (a bad file is refused, the old one goes on), or wait "
    "for the plugin reload",
    rollback="rename the old Corefile into place, then the same",
)
PROOF = TargetProof(grammar="Corefile words and blocks; the view plugin's expressions; Go RE2 subset")
SOURCES = (
    Source(where="https://coredns.io/plugins/view/ (README of coredns/coredns, plugin/view)", read="2026-11-23"),
    Source(where="https://coredns.io/plugins/template/", read="2026-11-23"),
    Source(where="https://coredns.io/manual/configuration/", read="2026-11-23"),
)
context = plain_context
