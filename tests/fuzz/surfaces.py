"""What takes bytes from outside: each surface by name, what it may answer them with, and bytes to begin with."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from netprobe import shellwords
from netprobe.errors import NetprobeError
from netprobe.host import rpmdb
from netprobe.host.archive import read_archive
from netprobe.host.firewall import iptables, nftables
from netprobe.host.firewall.model import Hook, Packet
from netprobe.host.readers import systemd
from netprobe.host.rules.trust import fingerprints
from netprobe.probes import certificates, trust
from netprobe.render import readers
from netprobe.report.stored import decode

HOSTILE = Path(__file__).parents[1] / "cases" / "hostile"
_PACKET = Packet(protocol="tcp", hook=Hook.OUTPUT, destination_port=443, family=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """One surface.

    Attributes:
        read: takes the bytes; only the errors of ``may`` are an answer.
        seeds: what the mutations begin with.
        may: errors that tell a user's mistake.
    """

    read: Callable[[bytes, Path], object]
    seeds: tuple[bytes, ...]
    may: tuple[type[Exception], ...] = ()


def _certificate(data: bytes, _: Path) -> None:
    certificates.describe((data,))
    certificates.ends_in_origin((data, data), trust.Anchors((data,), frozenset()))
    certificates.strict_error((data, data), "a.example.com", None)


def _archive(data: bytes, folder: Path) -> None:
    path = folder / "image.tar"
    path.write_bytes(data)
    read_archive(path)


def _bundle(data: bytes, folder: Path) -> None:
    path = folder / "bundle.pem"
    path.write_bytes(data)
    trust.anchors(trust.validate(path))


def _text(read: Callable[[str], object]) -> Callable[[bytes, Path], object]:
    return lambda data, _: read(data.decode("utf-8", "replace"))


_DER = tuple(
    der
    for path in sorted(HOSTILE.glob("*.pem"))
    if "ca-file" not in path.name
    for der in trust.anchors(path).certificates
)
_TARS = tuple(gzip.decompress(path.read_bytes())[: 1 << 16] for path in sorted(HOSTILE.glob("*.tar.gz")))
_NFT = (
    b"table inet f { chain o { type filter hook output priority 0; policy drop;\n"
    b"ct state new tcp dport { 443 } accept\n} }\n"
)
_SAVE = (
    b"*filter\n:OUTPUT DROP [0:0]\n"
    b"-A OUTPUT -p tcp -m multiport --dports 443,80:90 -d 192.0.2.0/24 -j ACCEPT\nadd a 10.0.0.0/8\n"
)

SURFACES: dict[str, Surface] = {
    "certificate": Surface(read=_certificate, seeds=_DER),
    "bundle": Surface(
        read=_bundle, seeds=tuple(p.read_bytes() for p in sorted(HOSTILE.glob("*.pem"))), may=(NetprobeError,)
    ),
    "archive": Surface(read=_archive, seeds=_TARS, may=(NetprobeError,)),
    "package database": Surface(
        read=lambda data, _: rpmdb.packages(data), seeds=(b"SQLite format 3\x00" + bytes(600), b"RpmP" + bytes(64))
    ),
    "nftables of a host": Surface(read=_text(lambda text: nftables.parse(text, "f", _PACKET)), seeds=(_NFT,)),
    "iptables of a host": Surface(
        read=_text(lambda text: iptables.parse(list(enumerate(text.split("\n"))), "f", _PACKET)), seeds=(_SAVE,)
    ),
    "certificates of a host": Surface(
        read=_text(lambda text: list(fingerprints(text))), seeds=((HOSTILE / "version6.pem").read_bytes(),)
    ),
    "words of a unit": Surface(
        read=_text(lambda text: list(systemd.words(text))), seeds=(b"\"A=b c\" 'D=e' \\x41 f\\s",)
    ),
    "words of a shell": Surface(read=_text(shellwords.split), seeds=(b'a \'b c\' "d\\" e" f\\ g',), may=(ValueError,)),
    "saved report": Surface(
        read=lambda data, _: decode(data, "f"),
        seeds=((HOSTILE / "china-report.json").read_bytes(),),
        may=(NetprobeError,),
    ),
    **{
        f"{target} to compare": Surface(
            read=_text(reader), seeds=(_NFT, _SAVE, b"a.example.com\n10.0.0.0/8\n"), may=(NetprobeError,)
        )
        for target, reader in readers.READERS.items()
    },
}

_WORDS = (
    b"{",
    b"}",
    b"'",
    b'"',
    b"\\",
    b"\n",
    b"\x00",
    b"0",
    b"9" * 30,
    b"-1",
    b"=",
    b",",
    b"set a {",
    b"elements = {",
    b"-A",
    b"!",
)


def mutated(seed: bytes, chance: random.Random) -> bytes:
    """A seed with some bytes turned, taken out, doubled or put in."""
    data = bytearray(seed)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(5):
            case 0 if at < len(data):
                data[at] = chance.randrange(256)
            case 1:
                del data[at : at + chance.randint(1, 32)]
            case 2:
                data[at:at] = data[at : at + chance.randint(1, 64)] * chance.choice((1, 2, 50))
            case 3:
                data[at:at] = chance.choice(_WORDS)
            case _:
                data[at : at + 4] = chance.randbytes(4)
    return bytes(data)


def attempt(surface: Surface, data: bytes, folder: Path) -> None:
    """Give a surface some bytes; whatever it may not raise comes through."""
    try:
        surface.read(data, folder)
    except surface.may:
        return
