"""Run dnsmasq with rendered files in a namespace, with another as the Internet; shared by both dnsmasq targets."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import dns.exception

from tests.support import need
from tests.support.render_dns import Asker, Upstream, serving
from tests.support.render_engine import Namespace, as_user, cable, connects, engine, listeners, namespace

INTERNET = "198.18.0.0/15"
"""What the upstream server answers with."""


@contextlib.contextmanager
def host_and_internet() -> Iterator[tuple[Namespace, Namespace]]:
    """A host, and what is beyond it: every address that the upstream names listens on 443, 80 and 8443."""
    for name in ("dnsmasq", "ipset", "iptables-restore", "ip"):
        need.engine(name)
    with namespace() as near, namespace() as far:
        cable(near, far)
        far.run("ip", "route", "add", "local", INTERNET, "dev", "lo")
        with listeners(far, (443, 80, 8443)):
            yield near, far


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Put the files into a folder."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def apply(space: Namespace, folder: Path) -> None:
    """Run ``apply.sh`` inside the namespace."""
    space.run("sh", str(folder / "apply.sh"))


@contextlib.contextmanager
def running(space: Namespace, folder: Path, upstream: Upstream, *more: str) -> Iterator[Path]:
    """dnsmasq with the rendered file and nothing of the machine's; its only way out is the test's own server."""
    as_user(folder, "dnsmasq")
    log = folder / "out.log"
    argv = [
        str(need.engine("dnsmasq")),
        "--keep-in-foreground",
        f"--conf-file={folder}/netprobe.dnsmasq.conf",
        "--no-resolv",
        "--no-hosts",
        "--no-poll",
        "--server=127.0.0.1#5300",
        "--pid-file=",
        "--log-facility=-",
        *more,
    ]
    with serving(space, upstream), engine(argv, space=space, ready=lambda: started(log), log=log):
        yield log


def started(log: Path) -> bool:
    """Whether dnsmasq has its sockets: asked by its log, since an unmarked question may never be answered."""
    return "using nameserver" in log.read_text(errors="replace")


def members(space: Namespace, name: str = "netprobe-dns-v4") -> set[str]:
    """The addresses in a set."""
    listed = space.run("ipset", "list", name).stdout.partition("Members:")[2]
    return set(re.findall(r"^(\S+)", listed, re.MULTILINE))


def empty(space: Namespace) -> None:
    """Empty the set."""
    space.run("ipset", "flush", "netprobe-dns-v4")


def reached(space: Namespace, addresses: Iterable[str], port: int) -> dict[str, bool]:
    """To which addresses a connection opens."""
    return space.call(lambda: {address: connects(address, port) for address in addresses})


def in_time(asker: Asker, name: str, *, patience: float = 5.0) -> str:
    """``yes``, ``no`` or ``silence``."""
    try:
        return "yes" if dataclasses.replace(asker, patience=patience).resolves(name) else "no"
    except (dns.exception.Timeout, TimeoutError):
        return "silence"
