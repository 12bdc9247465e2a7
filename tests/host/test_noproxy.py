"""NO_PROXY: Go's documented table, and curl asked itself."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.host.agents.noproxy import LOOPBACK, NoProxyDialect, bypass, tokens
from tests.support import need

# golang.org/x/net/http/httpproxy proxy_test.go, read 2026-11-23: the value, and whether the proxy is used.
GO_VALUE = (
    "foobar.com, .barbaz.net, *.wildcard.io, 192.168.1.1, 192.168.1.2:81, 192.168.1.3:80, 10.0.0.0/30, "
    "2001:db8::52:0:1, [2001:db8::52:0:2]:443, [2001:db8::52:0:3]:80, 2002:db8:a::45/64"
)
GO_TABLE = {
    "localhost": False,
    "127.0.0.1": False,
    "127.0.0.2": False,
    "::1": False,
    "::2": True,
    "192.168.1.1": False,
    "192.168.1.2": True,
    "192.168.1.3": False,
    "192.168.1.4": True,
    "10.0.0.2": False,
    "2001:db8::52:0:1": False,
    "2001:db8::52:0:2": True,
    "2001:db8::52:0:3": False,
    "2002:db8:a::123": False,
    "fe80::424b:c8be:1643:a1b6": True,
    "barbaz.net": True,
    "www.barbaz.net": False,
    "foobar.com": False,
    "www.foobar.com": False,
    "foofoobar.com": True,
    "baz.com": True,
    "localhost.net": True,
    "local.localhost": True,
    "barbarbaz.net": True,
    "wildcard.io": True,
    "nested.wildcard.io": False,
    "awildcard.io": True,
}


@pytest.mark.parametrize(("host", "proxied"), GO_TABLE.items())
def test_go_reads_its_own_table(host: str, proxied: bool) -> None:
    assert (bypass(NoProxyDialect.GO, GO_VALUE, host, 80) is None) is proxied


@pytest.mark.parametrize("host", GO_TABLE)
def test_go_takes_a_lone_asterisk_for_everything(host: str) -> None:
    assert bypass(NoProxyDialect.GO, "*", host, 80) is not None


def test_go_ignores_an_entry_without_a_host() -> None:
    assert bypass(NoProxyDialect.GO, ":1", "example.com", 80) is None
    assert tokens(NoProxyDialect.GO, ":1")[0].ignored


def test_the_matching_token_is_named() -> None:
    assert bypass(NoProxyDialect.GO, "a.test, .amazonaws.com", "ecs.us-east-2.amazonaws.com", 443) == ".amazonaws.com"
    assert bypass(NoProxyDialect.GO, "", "127.0.0.1", 51679) == LOOPBACK


@pytest.mark.parametrize(
    "text",
    ["ecs-a-*.us-east-2.amazonaws.com", "https://ecs.us-east-2.amazonaws.com", "/var/run/docker.sock", "a.test b.test"],
)
def test_go_says_which_entries_it_never_matches(text: str) -> None:
    (token,) = tokens(NoProxyDialect.GO, text)
    assert token.ignored


@given(value=st.text(max_size=60), host=st.from_regex(r"[a-z0-9-]{1,12}(\.[a-z0-9-]{1,12}){0,3}", fullmatch=True))
def test_no_value_breaks_a_reader(value: str, host: str) -> None:
    for dialect in NoProxyDialect:
        found = bypass(dialect, value, host, 443)
        assert found is None or found == LOOPBACK or found in value


class _Door:
    """A listening socket that remembers whether anyone came."""

    def __init__(self, address: str) -> None:
        self.socket = socket.create_server((address, 0))
        self.port: int = self.socket.getsockname()[1]
        self.visitors = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                visitor, _ = self.socket.accept()
            except OSError:
                return
            self.visitors += 1
            visitor.close()

    def close(self) -> None:
        # close() alone does not wake a thread that waits in accept().
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self._thread.join(5)


CURL_VALUES = [
    "example.test",
    ".example.test",
    "*.example.test",
    "*",
    "*,example.test",
    "EXAMPLE.TEST.",
    "a.test,example.test",
    "a.test example.test",
    "a.test , example.test",
    "example.test:443",
    ",,example.test",
    "ample.test",
    "127.0.0.9",
    "127.0.0.0/8",
    "10.0.0.0/8",
    "",
]


@pytest.mark.engine
@pytest.mark.parametrize("value", CURL_VALUES)
@pytest.mark.parametrize("host", ["example.test", "ecs.example.test", "notexample.test", "127.0.0.9"])
def test_curl_itself_decides_the_same(value: str, host: str) -> None:
    """Two doors, one for the proxy and one for the host: curl knocks at one of them."""
    need.engine("curl")
    curl = shutil.which("curl")
    assert curl is not None
    proxy, direct = _Door("127.0.0.1"), _Door("127.0.0.9")
    try:
        subprocess.run(
            [
                *(curl, "--silent", "--max-time", "5", "--output", os.devnull, "--resolve"),
                *(f"{host}:{direct.port}:127.0.0.9", f"https://{host}:{direct.port}/"),
            ],
            env={"https_proxy": f"http://127.0.0.1:{proxy.port}", "no_proxy": value, "PATH": os.environ["PATH"]},
            timeout=10,
        )
    finally:
        proxy.close()
        direct.close()
    assert proxy.visitors + direct.visitors == 1
    assert (bypass(NoProxyDialect.CURL, value, host, direct.port) is None) is (proxy.visitors == 1)
