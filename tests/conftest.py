"""What every test stands on: a clean environment, and nothing of the machine's own proxy or AWS settings."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from tests.support import order, squids

# A deadline is measured on the clock, and a busy machine is no fault of an example.
settings.register_profile("netprobe", deadline=None)
settings.load_profile("netprobe")

_FOREIGN = ("AWS_", "NETPROBE_", "SSL_CERT_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "FTP_PROXY")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--update-golden`` writes the golden files anew; read the difference before you commit it."""
    parser.addoption("--update-golden", action="store_true", help="write tests/golden anew")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Among several workers what takes long comes first; alone, the order is as collected."""
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        items[:] = order.in_order(items, worker["workercount"])


def pytest_sessionfinish() -> None:
    """Leave nothing behind of the Squids of this worker."""
    squids.sweep(own=True)


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are written instead of compared."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away every variable that would change what netprobe or an engine does."""
    for name in list(os.environ):
        if name.upper().startswith(_FOREIGN):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
