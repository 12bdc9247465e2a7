"""What every output begins with, counted by hand; the golden files hold its words."""

from __future__ import annotations

import msgspec

from netprobe.render import targets
from netprobe.render.header import header, loss_lines, made_by
from netprobe.render.lowering import lower
from netprobe.render.model import Loss, LossKind, Options
from tests.support.render_cases import ORIGIN, endpoint, enforcing


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


def test_what_is_refused_is_not_said_to_be_allowed() -> None:
    """ "TCP port 80, 443" stood over a file that says nothing of port 80: plain HTTP has no server name."""
    endpoints = (endpoint("a.example.com"), endpoint("mirror.example.com", "mirror", port=80, required=False))
    target = targets.get("haproxy")
    said = header(target, endpoints, lower(endpoints, target.CAPABILITY, Options()), ORIGIN)
    assert "Allows: 1 endpoints by 1 entries, TCP port 443" in said
    enforced = header(target, endpoints, lower(endpoints, target.CAPABILITY, Options()), ORIGIN, enforcing("haproxy"))
    assert enforced[0].endswith("denied on port 443")


def test_many_endpoints_with_one_reason_go_without_their_patterns() -> None:
    for many in (4, 5):
        _, line = loss_lines([_loss(number) for number in range(many)])
        assert line.startswith("  refused: own-0 n0.example.com, " if many == 4 else "  refused: own-0, own-1, ")


def test_a_format_with_one_field_for_text_gets_the_notes_too() -> None:
    noted = msgspec.structs.replace(ORIGIN, notes=("nobody confirms this region",))
    assert made_by(noted).endswith("; catalog test; nobody confirms this region")


def test_what_a_device_admits_whatever_its_rules_say_is_told() -> None:
    """ "Losses: none" was written over tinyproxy, which lets plain HTTP out to any port of a listed name."""
    endpoints = (endpoint("a.example.com"),)
    target = targets.get("tinyproxy")
    lowered = lower(endpoints, target.CAPABILITY, Options())
    said = "\n".join(header(target, endpoints, lowered, ORIGIN))
    assert "Losses: none in the rules; the device itself:" in said
    assert "plain HTTP goes to any port of a listed name" in said
    assert "binds no name to a port" in said


def test_an_empty_star_is_told() -> None:
    endpoints = (endpoint("ecs-a-*.us-east-2.amazonaws.com", numbered=True),)
    told = loss_lines((), None, lower(endpoints, targets.get("privoxy").CAPABILITY, Options()).beyond)
    assert any("ecs-a-.us-east-2.amazonaws.com" in line for line in told)


def test_a_name_that_reaches_every_bucket_by_its_path_is_told_for_every_target() -> None:
    endpoints = (endpoint("s3.us-east-2.amazonaws.com", "s3", group="install"),)
    for name in ("squid", "panos", "cilium"):
        (loss,) = lower(endpoints, targets.get(name).CAPABILITY, Options()).losses
        assert (loss.kind, loss.exfiltration) == (LossKind.WIDENED, True)
        assert "any customer's" in loss.explanation
