"""What makes a finding the same cause on another host is told with it, and never holds a secret."""

from __future__ import annotations

import msgspec

from netprobe.diagnosis.causes import finding
from tests.diagnosis.test_sentences import groups

GROUPS = {id_: group for (id_, _, _), group in groups().items()}


def test_a_finding_tells_the_cause_that_makes_it_one() -> None:
    assert finding(GROUPS["tls_intercepted_trusted"]).cause == "CN=Corp Inspection CA"
    assert finding(GROUPS["dns_timeout"]).cause.endswith(":53")
    assert finding(GROUPS["proxy_forbidden"]).cause.startswith("http://")


def test_a_password_in_a_cause_is_taken_out() -> None:
    spoiled = msgspec.structs.replace(GROUPS["proxy_forbidden"], key="http://user:hush@proxy.example:3128")
    assert finding(spoiled).cause == "http://***@proxy.example:3128"
