"""What every output begins with, counted by hand; the golden files hold its words."""

from __future__ import annotations

import msgspec

from netprobe.render import targets
from netprobe.render.header import header, loss_lines, made_by
from netprobe.render.lowering import lower
from netprobe.render.model import Loss, LossKind, Options
from tests.support.render_cases import ORIGIN, endpoint


def _loss(number: int) -> Loss:
    return Loss(
        kind=LossKind.REFUSED,
        endpoint=f"own-{number}",
        region="us-east-2",
        pattern=f"n{number}.example.com",
        required=False,
        entry="",
        explanation="for one reason",
    )


def test_an_endpoint_asked_for_twice_is_one_and_ports_rise() -> None:
    https, http, late = (endpoint("a.example.com", f"own-{port}", port=port) for port in (443, 80, 8443))
    endpoints = (https, http, https, late)
    lowered = lower(endpoints, targets.get("squid").CAPABILITY, Options())
    said = [line for line in header(targets.get("squid"), endpoints, lowered, ORIGIN) if line.startswith("Allows: ")]
    assert said == ["Allows: 3 endpoints by 3 entries, TCP port 80, 443, 8443"]


def test_many_endpoints_with_one_reason_go_without_their_patterns() -> None:
    for many in (4, 5):
        _, line = loss_lines([_loss(number) for number in range(many)])
        assert line.startswith("  refused: own-0 n0.example.com, " if many == 4 else "  refused: own-0, own-1, ")


def test_a_format_with_one_field_for_text_gets_the_notes_too() -> None:
    noted = msgspec.structs.replace(ORIGIN, notes=("nobody confirms this region",))
    assert made_by(noted).endswith("; catalog test; nobody confirms this region")
