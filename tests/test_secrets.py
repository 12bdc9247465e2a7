"""A planted password, in every place where a user writes one and for every command and format: nothing repeats it."""

from __future__ import annotations

import base64
import json
import shutil
import signal
import struct
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe import naming
from netprobe.cli import commands
from netprobe.cli.main import run
from netprobe.errors import redacted
from netprobe.report import FORMATS
from tests.support import bounded
from tests.support.cli import environment, netprobe

SECRET = "hunter2-the/pass:word"
BARE = f"svc:{SECRET}@proxy.corp.example:3128"
PROXY = f"http://svc:{quote(SECRET, safe='')}@proxy.corp.example:3128"
"""As a URL is written by the book, so that a program takes it."""
WRITTEN = (SECRET, quote(SECRET, safe=""), base64.b64encode(f"svc:{SECRET}".encode()).decode(), "hunter2")

MISTAKES = [
    ["check", "-r", "us-east-2", "--resolver", f"svc:{SECRET}@192.0.2.1"],
    ["check", "-r", "us-east-2", "--resolver", f"udp://svc:{SECRET}@192.0.2.1:53"],
    ["check", "-r", "us-east-2", "--proxy", f"svc:{SECRET}@proxy.corp.example:99999"],
    ["check", "-r", "us-east-2", "--proxy", f"ftp://svc:{SECRET}@proxy.corp.example"],
    ["check", "-r", "us-east-2", "--lab", "healthy", "--proxy", f"svc%3A{quote(SECRET, safe='')}%40proxy.corp:99999"],
    ["check", "-r", BARE],
    ["check", "-r", "us-east-2", "--lab", "healthy", "--proxy", BARE],
    ["path", BARE],
    ["path", f"http://{BARE}"],
    ["render", "squid", "-r", "us-east-2", "--lock", f"http://{BARE}/netprobe.lock"],
    ["render", BARE, "-r", "us-east-2"],
    ["diagnose", f"https://svc:{SECRET}@files.corp.example/report.json"],
    ["image", f"https://svc:{SECRET}@files.corp.example/image.tar"],
    ["workload", f"https://svc:{SECRET}@files.corp.example/task.json"],
    ["audit", "-r", "us-east-2", f"https://svc:{SECRET}@files.corp.example/access.log"],
    ["observe", f"https://svc:{SECRET}@files.corp.example/capture.pcap"],
    ["explain", BARE],
    ["lab", "run", BARE],
    ["completion", BARE],
    ["gate", "--lab", "healthy", "--proxy", f"ftp://svc:{SECRET}@proxy.corp.example"],
    ["bundle", f"http://{BARE}/made.tar.gz", "--report", f"http://{BARE}/report.json"],
    ["version", "--format", BARE],
    ["endpoints", "-r", BARE],
    ["targets", "--format", BARE],
    ["regions", "--format", BARE],
    ["host", "--format", BARE],
    [BARE],
]


def _held(text: str) -> list[str]:
    return [one for one in WRITTEN if one in text]


@pytest.mark.parametrize("arguments", MISTAKES, ids=lambda arguments: " ".join(arguments)[:40])
def test_no_mistake_repeats_it(arguments: list[str], tmp_path: Path) -> None:
    env = {**environment(), "TMPDIR": str(tmp_path)}
    ended = bounded.netprobe(*arguments, cwd=tmp_path, env=env)
    assert ended.returncode == 2
    assert _held(ended.stdout + ended.stderr) == []
    assert list(tmp_path.iterdir()) == []


def _root(place: Path) -> Path:
    """A host's root folder whose programs all have it in their settings."""
    drop_in = f'[Service]\nEnvironment="HTTPS_PROXY={PROXY.replace("%", "%%")}" "NO_PROXY=http://{BARE}"\n'
    daemon = {"proxies": {"https-proxy": PROXY, "no-proxy": f"svc:{SECRET}@a.example"}}
    for name, text in {
        "etc/os-release": "ID=debian\nVERSION_ID=12\n",
        "etc/ecs/ecs.config": f"HTTP_PROXY={BARE}\nNO_PROXY=a.example,svc:{SECRET}@b.example, {BARE}\n",
        "etc/systemd/system/docker.service.d/proxy.conf": drop_in,
        "etc/systemd/system/amazon-ssm-agent.service.d/proxy.conf": drop_in,
        "lib/systemd/system/docker.service": "[Service]\n",
        "lib/systemd/system/amazon-ssm-agent.service": f"[Service]\nEnvironment=http_proxy=https://{BARE}\n",
        "etc/docker/daemon.json": json.dumps(daemon),
        "etc/environment": f"https_proxy={PROXY}\n",
        "opt/aws/amazon-cloudwatch-agent/etc/common-config.toml": f'[proxy]\nhttps_proxy = "http://{BARE}"\n',
    }.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    return place


def _task() -> str:
    variables = [{"name": "HTTPS_PROXY", "value": f"http://{BARE}"}, {"name": "NO_PROXY", "value": BARE}]
    container = {"name": "c", "image": "nginx", "essential": True, "environment": variables}
    return json.dumps({"family": "f", "networkMode": "awsvpc", "containerDefinitions": [container]})


def _log() -> str:
    """Squid's own lines: a tunnel, a request with credentials in its URL, and a line that no format has."""
    start = "1700000000.123 5 192.0.2.1 TCP_DENIED/403 39"
    return (
        f"{start} CONNECT ecs.us-east-2.amazonaws.com:443 svc HIER_NONE/- -\n"
        f"{start} GET http://svc:{SECRET}@ecs.us-east-2.amazonaws.com/ - HIER_NONE/- -\n"
        f"{start} CONNECT svc:{SECRET}@ssm.us-east-2.amazonaws.com:443 - HIER_NONE/- -\n"
        f"http://{BARE}/ is no line of a log\n"
    )


def _capture() -> bytes:
    """Two requests to a proxy, with credentials in a header and in a URL (libpcap's format, link type 1)."""
    token = base64.b64encode(f"svc:{SECRET}".encode()).decode()
    host = "ecs.us-east-2.amazonaws.com:443"
    requests = (
        f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\nProxy-Authorization: Basic {token}\r\n\r\n",
        f"GET http://svc:{SECRET}@ecs.us-east-2.amazonaws.com/ HTTP/1.1\r\nHost: svc:{SECRET}@a.example\r\n\r\n",
    )
    data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for number, request in enumerate(requests):
        for flags, body in ((2, b""), (24, request.encode())):
            tcp = struct.pack("!HHIIBBHHH", 40000 + number, 3128, 1, 0, 0x50, flags, 8192, 0, 0) + body
            ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0, bytes(4), b"\xc6\x12\x00\x02")
            frame = bytes(12) + b"\x08\x00" + ip + tcp
            data += struct.pack("<IIII", 1700000000, number, len(frame), len(frame)) + frame
    return data


LAB = ("check", "-r", "us-east-2", "--lab")
USES: dict[str, tuple[tuple[str, ...], ...]] = {
    "check": (
        (*LAB, "proxy-rejects-credentials", "--handoff", "handoff.md", "--transcript", "heard.jsonl", "-v"),
        (*LAB, "proxy-forbids-all", "--proxy", PROXY, "--handoff", "handoff.md"),
        (*LAB, "refused", "--as", "all", "--root", "root", "--config", "plain.toml"),
    ),
    "diagnose": (("diagnose", "report.json"),),
    "explain": (("explain", f"proxyconnect tcp: dial http://{BARE}: connection refused"),),
    "path": (("path", "--from", "report.json", "--no-raw", "--resolver", f"{BARE}"),),
    "render": (
        ("render", "squid", "-r", "us-east-2", "--from", "report.json"),
        ("render", "squid", "-r", "us-east-2", "--compare", "squid.conf"),
    ),
    "targets": (("targets",),),
    "endpoints": (("endpoints", "-r", "us-east-2"),),
    "regions": (("regions",),),
    "host": (("host",),),
    "image": (("image", "root"),),
    "workload": (("workload", "task.json"),),
    "gate": (("gate", "--lab", "proxy-rejects-credentials"),),
    "observe": (("observe", "seen.pcap"),),
    "audit": (("audit", "-r", "us-east-2", "access.log"),),
    "lab": (("lab", "list"),),
    "bundle": (("bundle", "made.tar.gz", "--report", "report.json", "--root", "root"),),
    "catalog": (("catalog", "export", "catalog.json"),),
    "changes": (("changes", "--for", "report.json"),),
    # It serves until it is ended: what its pages hold is looked at in tests/exporter.
    "exporter": (("exporter", "--help"),),
    "fleet": (("fleet", "report.json"), ("fleet", "report.json", "--handoff", "asked")),
    "compare": (("compare", "report.json", "report.json"),),
    # It reads nothing of anybody's: pages, catalog and help alone.
    "docs": (("docs", "--help"),),
    "version": (("version", "--verbose"),),
    "completion": (("completion", "bash"),),
}
"""Command → how it is used where the password is in what it reads. Each is run once for every format that it has."""


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that holds it, and a report of a check whose proxy had it."""
    place = tmp_path_factory.mktemp("planted")
    _root(place / "root")
    (place / "task.json").write_text(_task())
    (place / "access.log").write_text(_log())
    (place / "seen.pcap").write_bytes(_capture())
    (place / "squid.conf").write_text(f"cache_peer proxy.corp.example parent 3128 0 login=svc:{SECRET}\n# {BARE}\n")
    gate = '[gate]\nimage = "root"\nworkloads = ["task.json"]\n'
    (place / "netprobe.toml").write_text(f'proxy = "{PROXY}"\nregion = "us-east-2"\n{gate}')
    (place / "plain.toml").write_text('region = "us-east-2"\n')
    ended = bounded.netprobe(*LAB, "refused", "--format", "json", "-o", "report.json", cwd=place, env=_settings(place))
    assert ended.returncode in {0, 1}, ended.stderr
    return place


def _settings(temporary: Path) -> dict[str, str]:
    """The environment of a shell that has it in every variable."""
    proxies = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY"), PROXY)
    return {**environment(), **proxies, "NO_PROXY": f"{BARE},svc:{SECRET}@b.example", "TMPDIR": str(temporary)}


def _inside(path: Path) -> str:
    """What a file holds; of an archive, all that is in it."""
    if path.suffix != ".gz":
        return path.read_bytes().decode("utf-8", "replace")
    with tarfile.open(path) as tar:
        streams = [tar.extractfile(member) for member in tar if member.isfile()]
        return "".join(stream.read().decode() for stream in streams if stream is not None)


def _reports(command: str) -> list[str]:
    """Every format of a command, as it names them itself where it is given none of them."""
    options = {name for one in commands.build(command).params for name in one.opts}
    if "--format" not in options:
        return []
    if "--report" in options and command != "fleet":  # which has formats of its own, and names them
        return list(FORMATS)
    uses = USES[command][0]
    ended = bounded.netprobe(*uses, "--format", "none-such", cwd=Path("/"))
    return ended.stderr.rpartition(" one of ")[2].strip().split(", ")


def test_no_command_is_forgotten() -> None:
    assert set(USES) == set(commands.COMMANDS)


@pytest.mark.parametrize("command", USES)
def test_no_command_in_any_format_repeats_what_it_read(command: str, planted: Path, tmp_path: Path) -> None:
    formats = _reports(command)
    several = formats == list(FORMATS)
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    for use in USES[command]:
        for number, format in enumerate(formats[:1] if several else formats or [""]):
            shutil.copytree(planted, work)
            before = {path for path in work.rglob("*") if path.is_file()}
            temporary.mkdir()
            more = ["--format", format] if format else []
            if several:
                more += [word for one in formats for word in ("--report", f"{one}=made-{number}.{one}")]
            ended = netprobe(*use, *more, cwd=work, env=_settings(temporary), timeout=120, errors="surrogateescape")
            assert ended.code in {0, 1, 4}, ended.err
            written = [path for path in (*work.rglob("*"), *temporary.rglob("*")) if path.is_file()]
            made = [path for path in written if path not in before]
            if several:
                assert len([path for path in made if path.name.startswith("made-")]) == len(formats)
            assert _held(ended.out + ended.err) == []
            assert [path.name for path in made if _held(_inside(path))] == []
            shutil.rmtree(work)
            shutil.rmtree(temporary)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_killed_leaves_it_nowhere(how: signal.Signals, planted: Path, tmp_path: Path) -> None:
    """Of one that is killed without a word temporary files may stay, and none of them may hold it."""
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    shutil.copytree(planted, work)
    before = {path for path in work.rglob("*") if path.is_file()}
    temporary.mkdir()
    asked = [*LAB, "proxy-dropped", "--proxy", PROXY, "--format", "json", "-o", "made.json"]
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "netprobe", *asked],
            cwd=work,
            env=_settings(temporary),
            stdout=said,
            stderr=said,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        end = time.monotonic() + 30
        while not any(path.is_file() for path in temporary.rglob("*")):
            assert process.poll() is None, "it ended before the lab was up"
            assert time.monotonic() < end
            time.sleep(0.02)
        time.sleep(0.5)
        process.send_signal(how)
        code = process.wait(timeout=30)
    assert code in {-how, 143}
    made = [path for path in (*work.rglob("*"), *temporary.rglob("*")) if path.is_file() and path not in before]
    if how is signal.SIGTERM:
        assert [path.name for path in made] == ["made.json"], "the report of what was seen, and nothing temporary"
    assert [path.name for path in made if _held(_inside(path))] == []
    assert _held((tmp_path / "said").read_text()) == []


def test_no_traceback_repeats_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from netprobe.cli import bug

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", BARE)
    for argument in (f"--proxy={BARE}", BARE, f"http://{BARE}"):
        bug.keep(f"ValueError: {SECRET} is no port of {BARE}", ["check", argument])
    kept = [path.read_text() for path in tmp_path.iterdir()]
    assert len(kept) == 3
    assert _held("".join(kept)) == []


@pytest.mark.parametrize(
    "url", [f"https://svc:{quote(SECRET, safe='')}@192.0.2.1/ip-ranges.json", f"https://192.0.2.1/x?token={WRITTEN[1]}"]
)
def test_the_command_in_a_file_that_travels_repeats_none(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The header says by which command it was made; squid asks for no networks, so that nothing is fetched."""
    assert run(["render", "squid", "-r", "us-east-2", "--ip-ranges", url]) == 0
    told = capsys.readouterr()
    assert "--ip-ranges 'https://" in told.out
    assert _held(told.out + told.err) == []


def test_a_label_repeats_none() -> None:
    assert naming.parse([f"proxy=http://{BARE}"]) == {"proxy": "http://***@" + BARE.rpartition("@")[2]}


@given(st.from_regex(r"[a-z0-9:/@-]{3,20}", fullmatch=True), st.sampled_from(["", "http://", "socks5://"]))
def test_a_url_with_or_without_a_scheme_is_redacted(secret: str, scheme: str) -> None:
    text = f"see {scheme}svc:x{secret}x@proxy.example:3128 now"
    assert redacted(text) == f"see {scheme}***@proxy.example:3128 now"


@pytest.mark.parametrize(
    "text",
    ["nginx:1.25@sha256:00ff", "a.example:443", "someone@example.com", "registry:5000/app@sha256:00", "12:30", "::1"],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert redacted(text) == text
