"""Proxy settings: what Go's programs accept, and that no message repeats a password."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.errors import UsageError
from netprobe.proxyurl import parse, redacted


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        # golang.org/x/net/http/httpproxy proxy_test.go, read 2026-11-23
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("cache.corp.example.com:1234", "http://cache.corp.example.com:1234"),
        ("cache.corp.example.com", "http://cache.corp.example.com:80"),
        ("localhost", "http://localhost:80"),
        ("https://cache.corp.example.com", "https://cache.corp.example.com:443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("socks5://127.0.0.1", "socks5://127.0.0.1:1080"),
        ("http://[2001:db8::1]:3128/", "http://[2001:db8::1]:3128"),
        ("HTTP://Proxy.Corp:3128", "http://proxy.corp:3128"),
    ],
)
def test_what_go_accepts(text: str, safe: str) -> None:
    assert parse(text).safe == safe


def test_credentials_are_read_and_never_shown() -> None:
    proxy = parse("http://svc:p%40ss@proxy.corp:3128")
    assert (proxy.username, proxy.password) == ("svc", "p@ss")
    assert "p@ss" not in repr(proxy) + proxy.safe
    assert "svc" not in repr(proxy)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "http://",
            "ftp://proxy.corp:21",
            "http://proxy.corp:99999",
            "http://proxy.corp:abc",
            "http://proxy corp:1",
        ),
        *('"http://proxy.corp:3128"', "http://proxy.corp:3128/path", "http://-x.corp:1", "http://1.2.3:80"),
    ],
)
def test_nonsense_is_one_line_with_a_remedy(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert "\n" not in str(caught.value)
    assert "http://HOST:PORT" in str(caught.value)


@given(st.text(max_size=40), st.from_regex(r"[a-z0-9]{6,12}", fullmatch=True), st.sampled_from(["http://", ""]))
def test_no_message_repeats_a_password(tail: str, secret: str, scheme: str) -> None:
    text = f"{scheme}user:{secret}zq@{tail}"
    said = redacted(text)
    with contextlib.suppress(UsageError):
        parse(text)
        said += parse(text).safe
    with pytest.raises(UsageError) as caught:
        parse(text + " ")
    assert f"{secret}zq" not in said + str(caught.value)
