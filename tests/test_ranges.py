"""Which addresses lie in private networks."""

from __future__ import annotations

import pytest

from netprobe.ranges import is_private


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("10.0.0.1", True),
        ("172.31.255.255", True),
        ("172.32.0.1", False),
        ("192.168.1.1", True),
        ("100.64.0.1", True),
        ("100.128.0.1", False),
        ("fd00::1", True),
        ("fd00::1%eth0", True),
        ("52.95.1.1", False),
        ("2600:1f00::1", False),
        ("64:ff9b::a00:1", False),
        ("nonsense", False),
    ],
)
def test_the_ranges_of_interface_endpoints(address: str, private: bool) -> None:
    assert is_private(address) is private
