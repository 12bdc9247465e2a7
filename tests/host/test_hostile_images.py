"""Images that cost or crash: each is judged, or refused in a line, within little time and memory.

Each runs in a child whose processor time the kernel limits; memory is what the kernel says that it had. The files in
``tests/cases/hostile`` were found by fuzzing; the others are made here, one for each way in which a small file asks for
much.
"""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from netprobe.cli import readiness
from netprobe.findings import Outcome
from netprobe.host import tarinfo
from netprobe.host.rules import RULES
from netprobe.host.streams import ArchiveError
from netprobe.rules import Judgement, Rule, passed
from tests.support import bounded

CASES = Path(__file__).parents[1] / "cases" / "hostile"
CPU_SECONDS = 20
MEMORY = 300 << 20
ENDS = {0, 1, 2, 4}
Files = dict[str, bytes]


def _tar(files: Files, *links: tuple[str, str]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, target in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


ROOT: Files = {"etc/os-release": b"ID=debian\nVERSION_ID=12\n"}
UNIT = b"[Service]\nType=oneshot\nExecStart=/usr/sbin/nft -f /etc/nftables.conf\n"
"""Not an empty file, which masks a unit (systemd.unit(5))."""
ENABLED = (
    "etc/systemd/system/sysinit.target.wants/nftables.service",
    "/lib/systemd/system/nftables.service",
)


def _nft(rules: bytes, **more: bytes) -> bytes:
    return _tar({**ROOT, "lib/systemd/system/nftables.service": UNIT, "etc/nftables.conf": rules, **more}, ENABLED)


def _with_the_unit(archive: bytes) -> bytes:
    """What was found when an empty unit was none that is masked: the rules are read where one loads them."""
    made = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(archive)) as found, tarfile.open(fileobj=made, mode="w") as kept:
        for info in found:
            if info.name == ENABLED[1].lstrip("/"):
                info.size = len(UNIT)
                kept.addfile(info, io.BytesIO(UNIT))
            else:
                kept.addfile(info, found.extractfile(info) if info.isfile() else None)
    return made.getvalue()


def _blob(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _oci(layers: list[bytes], extra: Files | None = None, *, repeat: int = 1) -> bytes:
    descriptors = [{"digest": _blob(layer), "size": len(layer)} for layer in layers] * repeat
    manifest = json.dumps({"layers": descriptors}).encode()
    index = json.dumps({"manifests": [{"digest": _blob(manifest)}]}).encode()
    blobs = {f"blobs/sha256/{_blob(data)[7:]}": data for data in (manifest, *layers)}
    return _tar({"oci-layout": b"{}", "index.json": index, **blobs, **(extra or {})})


def _package_database(statement: str, tmp_path: Path) -> bytes:
    path = tmp_path / "rpmdb.sqlite"
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()
    return _tar({**ROOT, "var/lib/rpm/rpmdb.sqlite": path.read_bytes()})


def _extended(body: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, len(body)
    return info.tobuf(tarfile.USTAR_FORMAT) + body.ljust(-(-len(body) // 512) * 512, b"\0")


def _digits(tmp_path: Path) -> bytes:
    value = b"1" * 900_000
    record = b" comment=" + value + b"\n"
    return _extended(str(len(record) + 6).encode() + record) + _tar(ROOT)


def _sparse(tmp_path: Path) -> bytes:
    info = tarfile.TarInfo("etc/hole")
    info.type = tarfile.GNUTYPE_SPARSE
    head = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    head[482] = 1  # the map goes on
    head[148:156] = b"        "
    head[148:156] = f"{sum(head):06o}\0 ".encode()
    return bytes(head) + (b"0" * 504 + b"\x01" * 8) * 20_000 + _tar(ROOT)


MADE: dict[str, Callable[[Path], bytes]] = {
    "digits of an extended header": _digits,
    "global headers": lambda _: (
        b"".join(_extended(f"25 key{number:07}=aaaaaaaaaa\n".encode(), tarfile.XGLTYPE) for number in range(20_000))
        + _tar(ROOT)
    ),
    "a sparse map without end": _sparse,
    "a path of many folders": lambda _: _tar({**ROOT, "a/" * 20_000 + "x": b""}),
    "links that lead through links": lambda _: _tar(
        {**ROOT, **{f"l39/{number}": b"" for number in range(200)}},
        *((f"l{number}", f"l{number - 1}" if number else "/" + "etc/../" * 500) for number in range(40)),
    ),
    "a layer many times": lambda _: _oci([_tar(ROOT), _tar({f"etc/{n}": b"" for n in range(4000)})], repeat=20_000),
    "some layers often": lambda _: _oci([_tar({f"d/{n}/x": b"" for n in range(2000)} | ROOT)], repeat=500),
    "comments": lambda _: _nft(b"#" * 1_000_000 + b'"\n'),
    "words of one rule": lambda _: _nft(b"table inet f { chain o { " + b"counter " * 200_000 + b"\n} }\n"),
    "a set in a rule": lambda _: _nft(b"table inet f { chain o { tcp dport { " + b"1, " * 400_000 + b"} accept\n} }\n"),
    "digits of a port": lambda _: _nft(
        b"table inet f { chain o { type filter hook output priority 0;\ntcp dport " + b"9" * 9999 + b" drop\n} }\n"
    ),
    "one file included often": lambda _: _nft(b'include "/etc/b"\n' * 50_000, **{"etc/b": b"x " * 500_000}),
    "certificates of blanks": lambda _: _tar(
        {**ROOT, "etc/ssl/certs/ca-certificates.crt": (b"-----BEGIN CERTIFICATE-----" + b"\n" * 60_000) * 30}
    ),
    "entries of NO_PROXY": lambda _: _tar(
        {
            **ROOT,
            "etc/ecs/ecs.config": b"HTTPS_PROXY=http://p:1\nHTTP_PROXY=http://p:1\nNO_PROXY=" + b"a b," * 250_000,
            "usr/lib/systemd/system/ecs.service": b"[Service]\nEnvironmentFile=-/etc/ecs/ecs.config\n",
        }
    ),
    "a view": lambda path: _package_database(
        "CREATE VIEW Packages AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) "
        "SELECT zeroblob(500000000) AS blob FROM n",
        path,
    ),
    "a generated column": lambda path: _package_database(
        "CREATE TABLE Packages(hnum INTEGER PRIMARY KEY, blob BLOB AS (zeroblob(500000000)))", path
    ),
}


def _judge(path: Path) -> bounded.Ended:
    ended = bounded.netprobe("image", path, cwd=path.parent, cpu_seconds=CPU_SECONDS)
    assert ended.returncode in ENDS, ended.stderr[-2000:]
    assert ended.cpu_seconds < CPU_SECONDS
    assert ended.memory < MEMORY
    if ended.returncode == 2:
        assert ended.stderr.count("\n") == 1, "unreadable is told in a line"
    return ended


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.glob("*.tar.gz")))
def test_what_fuzzing_found(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    data = (CASES / name).read_bytes()
    path.write_bytes(_with_the_unit(data) if name.startswith("nft-") else data)
    ended = _judge(path)
    assert ended.returncode == (2 if name.startswith("pax") else 1)


@pytest.mark.parametrize("unit", [UNIT, b""], ids=["enabled", "masked"])
def test_the_rules_of_these_images_are_read(unit: bytes, tmp_path: Path) -> None:
    """The ground for those that ask for much in their rules: each is enabled alike."""
    drops = b"table inet f { chain o { type filter hook output priority 0; policy drop; } }\n"
    path = tmp_path / "image.tar"
    path.write_bytes(
        _with_the_unit(_nft(drops, **{ENABLED[1].lstrip("/"): b""}))
        if unit
        else _nft(drops, **{ENABLED[1].lstrip("/"): b""})
    )
    assert ("local_firewall_blocks" in _judge(path).stdout) == bool(unit)


@pytest.mark.parametrize("kind", MADE)
def test_what_asks_for_much(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    path.write_bytes(MADE[kind](tmp_path))
    _judge(path)


def _sbom() -> bytes:
    return b'{"spdxVersion": "SPDX-2.3", "comment": "' + b"x" * (50 << 20) + b'"}'


@pytest.mark.parametrize("folder", [False, True])
def test_a_bill_of_materials_of_50_mb_is_ordinary(folder: bool, tmp_path: Path) -> None:
    sbom = _sbom()
    data = _oci([_tar(ROOT)], {f"blobs/sha256/{_blob(sbom)[7:]}": sbom})
    path = tmp_path / "layout.tar"
    path.write_bytes(data)
    if folder:
        with tarfile.open(path) as archive:
            archive.extractall(tmp_path / "layout", filter="data")
        path = tmp_path / "layout"
    ended = _judge(path)
    assert ended.returncode == 1
    assert "systemd is not installed" in ended.stdout


def test_a_damaged_layer_of_a_layout_is_told(tmp_path: Path) -> None:
    path = tmp_path / "layout.tar"
    path.write_bytes(_oci([b"\x1f\x8b\x08\x00" + b"\xff" * 100]))
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path / "layout", filter="data")
    assert _judge(tmp_path / "layout").returncode == 2


BROKEN = [b"8 path=a\n", b"99 path=a\n", b"x path=a\n", b"1" * 30, b"10 path:a\n"]


@pytest.mark.parametrize("body", [b"", b"10 path=a\n", b"12 pax=abcd\n", *BROKEN])
def test_records_of_an_extended_header(body: bytes) -> None:
    if body in BROKEN:
        with pytest.raises(ArchiveError, match="malformed extended header"):
            tarinfo.pax_records(body)
    else:
        assert tarinfo.pax_records(body) == ({"path": b"a"} if b"path" in body else {})


def _rule(judge: Callable[[object], Judgement]) -> Rule[object]:
    first = RULES[0]
    return Rule(
        id=f"made_up_{judge.__name__}",
        title="A rule",
        severity=first.severity,
        owner=first.owner,
        source=first.source,
        checked=first.checked,
        judge=judge,
    )


def hangs(_: object) -> Judgement:
    while True:
        pass


def eats(_: object) -> Judgement:
    return passed(str(len(bytes(8 << 30))))


def breaks(_: object) -> Judgement:
    raise ZeroDivisionError("made for this test")


def dies(_: object) -> Judgement:
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)
    return passed("never")


def holds(_: object) -> Judgement:
    return passed("it holds")


def test_what_hits_a_limit_is_not_run_and_the_rest_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "image.tar"
    path.write_bytes(_tar(ROOT))
    monkeypatch.setattr(readiness, "RULE_CPU_SECONDS", 0.3)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("netprobe.host.rules.RULES", tuple(map(_rule, (hangs, eats, breaks, holds, dies, holds))))
    report = readiness.image(path)
    assert [(rule.outcome, rule.not_run) for rule in report.rules] == [
        (Outcome.NOT_RUN, "it takes more than 0.3 s of processor time"),
        (Outcome.NOT_RUN, "it takes more memory than a rule is given"),
        (Outcome.NOT_RUN, "bug in netprobe (ZeroDivisionError: made for this test)"),
        (Outcome.PASS, ""),
        (Outcome.NOT_RUN, "the image was not judged to its end: its process was ended by SIGKILL"),
        (Outcome.NOT_RUN, "the image was not judged to its end: its process was ended by SIGKILL"),
    ]
    (note,) = report.notes
    assert "met in 1 rules" in note
    (kept,) = tmp_path.glob("netprobe-bug-*")
    assert "ZeroDivisionError: made for this test" in kept.read_text(encoding="utf-8")
