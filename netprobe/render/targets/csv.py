"""A change request as CSV: a row an endpoint, for the form or ticket that asks for firewall openings.

It is a document and enforces nothing. A cell that begins with ``=``, ``+``, ``-`` or ``@`` is a formula in spreadsheets
(OWASP, CSV injection), so such a cell gets an apostrophe in front, and text is quoted (RFC 4180). CSV has no comments,
so where it comes from stands in a column of its own. The source and the owner are the site's, and are left to it.
"""

from __future__ import annotations

from collections.abc import Mapping

from netprobe.catalog.model import Endpoint
from netprobe.render.documents import rows
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

NAME = "csv"
TITLE = "a change request (CSV)"
LAYER = Layer.DOCUMENT
COMMENT = Comment.NONE
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.GLOB}),
    default_action="nothing by itself: a request allows and denies nothing until somebody carries it out",
)
MAIN = File(name="change-request.csv", template="change-request.csv.j2")
FILES = (MAIN,)
SCOPE = Scope(
    narrows=False,
    enforces=False,
    instead="it is a list for people and other programs; what denies is made of it elsewhere",
    sessions="nothing changes for them",
)
COMMANDS = Commands(
    check="",
    load="attach it to the ticket, or import it as UTF-8 CSV with a comma; fill in site, owner, ticket and expiry",
    replace="render it again over the old file: filled-in cells and their order stay",
    rollback="withdraw the request",
)
PROOF = TargetProof(schema="RFC 4180, read strictly by Python's csv; no cell is a formula")
SOURCES = (
    Source(where="https://www.rfc-editor.org/rfc/rfc4180", read="2026-11-23"),
    Source(where="https://owasp.org/www-community/attacks/CSV_Injection", read="2026-11-23"),
)


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """A row for each endpoint."""
    return {"rows": rows(lowered, endpoints)}
