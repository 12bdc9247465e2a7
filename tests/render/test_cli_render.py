"""``netprobe render`` and ``netprobe targets`` as a person runs them."""

from __future__ import annotations

import json
import re
import resource
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest
import trustme

from netprobe.cli.folder import write_folder
from netprobe.cli.main import run
from netprobe.errors import UsageError
from netprobe.render import targets
from netprobe.render.model import DeviceCapability

LOCK = {
    "version": 1,
    "patterns": {
        f"ecs-{letter}-*.us-east-2.amazonaws.com": {
            "at": "2026-11-23T12:00:00Z",
            "resolver": "127.0.0.1:53",
            "names": {f"ecs-{letter}-3.us-east-2.amazonaws.com": ["192.0.2.3"]},
        }
        for letter in "at"
    },
}
RANGES = {
    "syncToken": "1700000000",
    "createDate": "2026-11-23-00-00-00",
    "prefixes": [{"ip_prefix": "192.0.2.0/24", "region": "us-east-2", "service": "AMAZON"}],
    "ipv6_prefixes": [{"ipv6_prefix": "2001:db8::/32", "region": "us-east-2", "service": "AMAZON"}],
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, so that no netprobe.toml or netprobe.lock is about."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_to_stdout_with_losses_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", "squid", "-r", "us-east-2"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("# Additive: it allows what is listed and denies nothing")
    assert "http_access deny" not in out
    assert "#   netprobe render squid --region us-east-2\n" in out
    assert "every AWS account is admitted" in err
    assert run(["render", "squid", "-r", "us-east-2"]) == 0
    assert capsys.readouterr().out == out


def test_an_account_may_be_written_as_the_console_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    written = []
    for account in ("1234-5678-9012", "123456789012"):
        assert run(["render", "squid", "-r", "us-east-2", "--account", account, "-q"]) == 0
        written.append(capsys.readouterr().out)
    assert "123456789012.dkr.ecr.us-east-2.amazonaws.com" in written[0]
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("said", "meant"),
    [("paloalto", "panos"), ("fortigate", "fortios"), ("asa", "cisco-asa"), ("bluecoat", "bluecoat-cpl")],
)
def test_a_vendors_name_stands_for_its_target(said: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    written = []
    for name in (said, meant):
        argv = ["render", name, "-r", "us-east-2", "--account", "123456789012", "--enforce", "--source", "192.0.2.0/24"]
        assert run([*argv, "--allow-widening", "-q"]) == 0
        written.append(capsys.readouterr().out)
    assert written[0] == written[1]


def test_with_an_account_nothing_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", "squid", "-r", "us-east-2", "--account", "123456789012", "--exact"]) == 0
    out, err = capsys.readouterr()
    assert "Losses: none" in out
    assert "Losses: none" in err


def test_exact_says_what_cannot_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", "panos", "-r", "us-east-2", "--exact", "--account", "123456789012"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1  # one reason, one line
    assert "ecs-a-*.us-east-2.amazonaws.com" in err


def test_a_device_for_addresses_asks_for_them_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", "nftables", "-r", "us-east-2"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "--resolve" in err
    assert "--ip-ranges" in err


@pytest.mark.parametrize(
    "argv",
    [
        ["squid", "-r", "cn-north-1"],
        ["squid", "-r", "us-east-99"],
        ["squid"],
        ["sqiud", "-r", "us-east-2"],
        ["squid", "-r", "us-east-2", "--losses", "xml"],
        ["nftables", "-r", "us-east-2", "--ip-ranges", "none.json"],
        ["nftables", "-r", "us-east-2", "--ip-ranges", "http://127.0.0.1/x"],
        ["nftables", "-r", "us-east-2", "--resolve", "--ip-ranges", "snapshot"],
        ["squid", "-r", "us-east-2", "--lock", "none.lock"],
        ["squid", "-r", "us-east-2", "--ecs-numbers", "x"],
        ["squid", "-r", "us-east-2", "-o", "no/such/folder/x.conf"],
        ["squid", "-r", "us-east-2", "--compare", "none"],
        ["squid", "-r", "us-east-2", "--from", "none.json"],
    ],
)
def test_a_wrong_request_is_one_line(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", *argv, "-q"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)


def test_the_shipped_snapshot(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["render", "nftables", "-r", "us-east-2", "--ip-ranges", "snapshot"]
    assert run(argv) == 1
    assert "--allow-widening permits it" in capsys.readouterr().err
    assert run([*argv, "--allow-widening"]) == 0
    out, err = capsys.readouterr()
    assert "the snapshot that ships with netprobe" in out
    assert "days old" not in out, "a file that names its age differs from itself tomorrow"
    assert re.search(r"AWS's networks are \d+ days? old \(the snapshot", err)
    assert "address (exfiltration)" in err


def test_losses_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", "panos", "-r", "us-east-2", "--losses", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["counts"]["widened"], document["counts"]["enumerated"]) == (1, 2)
    assert run(["render", "panos", "-r", "us-east-2", "--losses", "json", "--allow-widening"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["counts"]["widened"] == 3
    assert all(loss["exfiltration"] for loss in document["losses"])
    assert {loss["endpoint"] for loss in document["losses"]} == {"ecs-a", "ecs-t", "ecr-registry"}
    assert run(["render", "panos", "-r", "us-east-2", "--losses", "json", "--exact"]) == 1
    assert json.loads(capsys.readouterr().out)["counts"]["refused"] == 3


def test_without_a_look_the_usual_numbers_are_listed_and_called_a_guess(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """PAN-OS cannot say ecs-a-*, and the wildcard that it can say lets data out: a list, told to be a guess."""
    assert run(["render", "panos", "-r", "us-east-2"]) == 0
    told = capsys.readouterr()
    listed = [line.split()[-1] for line in told.out.splitlines() if " list ecs-a-" in line]
    assert set(listed) == {f"ecs-a-{n}.us-east-2.amazonaws.com/" for n in range(1, 33)}
    assert "list ^.us-east-2.amazonaws.com/" not in told.out
    assert "numbers 1 to 32, which nobody has seen" in told.err
    assert run(["render", "panos", "-r", "us-east-2", "--allow-widening"]) == 0
    told = capsys.readouterr()
    assert "list ^.us-east-2.amazonaws.com/" in told.out
    assert "list ecs-a-1." not in told.out
    assert "widened (exfiltration): ecs-a " in told.err


def test_permitting_what_a_device_has_not_changes_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A Cisco ASA has no wide rule to permit: it gets the same list, not a refusal."""
    asked = ["render", "cisco-asa", "-r", "us-east-2", "--account", "123456789012"]
    assert run(asked) == 0
    plain = capsys.readouterr().out.replace(asked[-1], f"{asked[-1]} --allow-widening", 1)
    assert run([*asked, "--allow-widening"]) == 0
    assert capsys.readouterr().out == plain


def test_a_look_that_found_nothing_is_not_overruled_by_a_guess(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    looked = {"at": "2026-11-23T12:00:00Z", "resolver": "192.0.2.53", "names": {}}
    patterns = {f"{name}.us-east-2.amazonaws.com": looked for name in ("ecs-a-*", "ecs-t-*")}
    (here / "netprobe.lock").write_text(json.dumps({"version": 1, "patterns": patterns}), encoding="utf-8")
    (here / "netprobe.lock").chmod(0o600)
    assert run(["render", "panos", "-r", "us-east-2"]) == 1
    assert "ecs-a-*" in capsys.readouterr().err


def test_a_lock_that_is_there_is_read(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "netprobe.lock").write_text(json.dumps(LOCK), encoding="utf-8")
    (here / "netprobe.lock").chmod(0o600)
    compare = here / "list"
    compare.write_text("\n".join(f"ecs-a-{n}.us-east-2.amazonaws.com" for n in (1, 9, 22, 999)), encoding="utf-8")
    assert run(["render", "nftables", "-r", "us-east-2", "--without", "ssm,images,logs,metrics"]) == 1
    err = capsys.readouterr().err
    assert "refused: ecs, " in err  # its address is not in the lock
    assert "ecs-a-*" not in err  # these are


def test_only_what_a_report_found_blocked(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The lab hides one name; the allowlist made from that run's report holds this name and no other."""
    argv = ["check", "-r", "us-east-2", "--lab", "nxdomain", "--format", "json", "-o", "report.json", "-q"]
    assert run(argv) == 1
    capsys.readouterr()
    assert run(["render", "squid", "--from", "report.json"]) == 0
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if " dstdom" in line] == [
        "acl netprobe_from_exact_443 dstdomain -n ssm.us-east-2.amazonaws.com"
    ]
    assert "netprobe render squid --region us-east-2 --from report.json" in out
    assert run([*argv[:4], "healthy", *argv[5:]]) == 0
    assert run(["render", "squid", "--from", "report.json"]) == 2
    assert "nothing blocked" in capsys.readouterr().err


def test_a_region_that_nobody_confirms_has_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", "squid", "-r", "us-gov-west-1"]) == 0
    out, err = capsys.readouterr()
    assert "# Note: us-gov-west-1: no AWS page confirms" in out
    assert "note: us-gov-west-1: no AWS page confirms" in err


def test_a_folder_gets_every_file(here: Path) -> None:
    assert run(["render", "squid", "-r", "us-east-2", "-o", "squid-files"]) == 0
    assert sorted(path.name for path in (here / "squid-files").iterdir()) == [
        ".netprobe.json",
        "allow.exact",
        "allow.regex",
        "netprobe.conf",
    ]


def test_a_file_is_replaced_whole(here: Path) -> None:
    (here / "netprobe.conf").write_text("old", encoding="utf-8")
    assert run(["render", "squid", "-r", "us-east-2", "-o", "netprobe.conf"]) == 0
    assert (here / "netprobe.conf").read_text(encoding="utf-8").endswith("netprobe_regex_443\n")


def test_a_refusal_writes_nothing(here: Path) -> None:
    (here / "netprobe.set").write_text("old", encoding="utf-8")
    assert run(["render", "panos", "-r", "us-east-2", "--exact", "-o", "netprobe.set"]) == 1
    assert (here / "netprobe.set").read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("haproxy", "-6"), "-6: haproxy connects by IPv4 alone"),
        (("haproxy", "-6", "--enforce", "--every-client"), "-6: haproxy listens by IPv4 alone"),
        (("nginx-stream", "-6", "--enforce", "--every-client"), "-6: nginx-stream listens by IPv4 alone"),
        (("envoy", "-6", "--enforce", "--every-client"), "-6: envoy listens by IPv4 alone"),
        (("envoy", "--enforce", "--source", "2001:db8::/48"), "--source: the rules of this target are for IPv4"),
    ],
)
def test_ipv6_alone_is_refused_where_nothing_would_pass(
    words: tuple[str, ...], said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["render", *words, "-r", "us-east-2", "-o", "x"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert said in told[0]
    assert not (here / "x").exists()


@pytest.mark.parametrize("target", ["nginx-stream", "envoy", "squid"])
def test_ipv6_alone_is_rendered_where_nothing_listens(target: str, here: Path) -> None:
    assert run(["render", target, "-6", "-r", "us-east-2", "-o", "x"]) == 0


def test_foreign_files_stay_and_own_leftovers_go(here: Path) -> None:
    folder = here / "x"
    folder.mkdir()
    (folder / "squid.conf").write_text("mine", encoding="utf-8")
    owned = ["allow.exact", "allow.regex", "allow.suffix", "allow.more"]
    write_folder(folder, {"allow.exact": "a\n", "allow.suffix": "s\n", "allow.regex": "r\n"}, owned=owned)
    (folder / "allow.more").write_text("never netprobe's", encoding="utf-8")
    (folder / "allow.regex").write_text("changed since", encoding="utf-8")
    write_folder(folder, {"allow.exact": "a\n"}, owned=owned)
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.name[0] != "."} == {
        "squid.conf": "mine",
        "allow.exact": "a\n",
        "allow.regex": "changed since",
        "allow.more": "never netprobe's",
    }


@pytest.mark.parametrize("manifest", [None, "{", "[]", '{"files": 3}', '{"files": {"config": "x"}}'])
def test_a_file_of_somebody_elses_is_not_replaced(manifest: str | None, here: Path) -> None:
    """Privoxy's own ``config`` has the name of one of ours."""
    folder = here / "privoxy"
    folder.mkdir()
    (folder / "config").write_text("theirs", encoding="utf-8")
    if manifest is not None:
        (folder / ".netprobe.json").write_text(manifest, encoding="utf-8")
    if manifest == '{"files": {"config": "x"}}':
        write_folder(folder, {"config": "ours"}, owned=["config"])  # netprobe wrote it once
        return
    with pytest.raises(UsageError, match="netprobe did not write it"):
        write_folder(folder, {"config": "ours"}, owned=["config"])
    assert (folder / "config").read_text(encoding="utf-8") == "theirs"


def test_a_name_that_ends_with_d_is_a_folder(here: Path) -> None:
    assert run(["render", "squid", "-r", "us-east-2", "-q", "-o", "allow.d/"]) == 0
    assert (here / "allow.d" / "allow.exact").is_file()


def test_a_slash_at_the_end_means_a_folder_whatever_the_name_is(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", "squid", "-r", "us-east-2", "-q", "-o", "proxy.site-a.example/"]) == 0
    assert (here / "proxy.site-a.example" / "allow.exact").is_file()
    (here / "squid.conf").write_text("mine", encoding="utf-8")
    assert run(["render", "squid", "-r", "us-east-2", "-q", "-o", "squid.conf/"]) == 2
    assert "file exists" in capsys.readouterr().err
    assert (here / "squid.conf").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("name", ["allow.exact", "allow.suffix"])
def test_a_folder_with_a_files_name_is_not_thrown_away(name: str, here: Path) -> None:
    """Neither in the place of a new file nor of a leftover: what is in it is nobody's to delete."""
    kept = here / "squid" / name / "precious"
    kept.parent.mkdir(parents=True)
    kept.write_text("data")
    with pytest.raises(UsageError, match="is a folder"):
        write_folder(here / "squid", {"allow.exact": "a\n"}, owned=["allow.exact", "allow.suffix"])
    assert [path for path in here.rglob("*") if path.is_file()] == [kept]


def test_half_a_folder_is_put_back(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second rename into place fails; the first file is what it was."""
    folder = here / "x"
    write_folder(folder, {"a": "old a", "b": "old b"}, owned=["a", "b"])
    renames = []
    rename = Path.rename

    def fails(self: Path, target: Path) -> Path:
        if self.parent.name == "new":
            renames.append(self)
            if len(renames) == 2:
                raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(UsageError, match="no space left"):
        write_folder(folder, {"a": "new a", "b": "new b"}, owned=["a", "b"])
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.name[0] != "."}
    assert found == {"a": "old a", "b": "old b"}


def test_stale_files_are_shown(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deployed = here / "netprobe.conf"
    assert run(["render", "squid", "-r", "us-east-2", "-o", str(deployed)]) == 0
    argv = ["render", "squid", "-r", "us-east-2", "-q", "--check", str(deployed)]
    assert run(argv) == 0
    text = deployed.read_text(encoding="utf-8")
    deployed.write_text("# another comment\n" + text, encoding="utf-8")
    assert run(argv) == 0
    deployed.write_text(text.replace("ssm.us-east-2", "evil\x1b[2J.us-east-2"), encoding="utf-8")
    capsys.readouterr()
    assert run(argv) == 1
    out = capsys.readouterr().out
    assert "+acl netprobe_exact_443 dstdomain -n ssm.us-east-2.amazonaws.com" in out
    assert "\x1b" not in out


def test_a_stale_folder_and_a_missing_one(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", "squid", "-r", "us-east-2", "-o", "deployed", "-q"]) == 0
    assert run(["render", "squid", "-r", "us-east-2", "-q", "--check", "deployed"]) == 0
    (here / "deployed" / "allow.suffix").write_text(".example.com\n", encoding="utf-8")
    assert run(["render", "squid", "-r", "us-east-2", "-q", "--check", "deployed"]) == 1
    assert "-.example.com" in capsys.readouterr().out
    assert run(["render", "squid", "-r", "us-east-2", "-q", "--check", "none.conf"]) == 1


def test_compare(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = here / "squid.conf"
    old.write_text(
        "acl a dstdomain ecs.us-east-2.amazonaws.com old.example.com\nhttp_access allow a\n", encoding="utf-8"
    )
    assert run(["render", "squid", "-r", "us-east-2", "--compare", str(old)]) == 1
    out = capsys.readouterr().out
    assert "required ssm in us-east-2" in out
    assert "old.example.com" in out
    old.write_text("acl a dstdomain .amazonaws.com\nhttp_access allow a\n", encoding="utf-8")
    assert run(["render", "squid", "-r", "us-east-2", "--compare", str(old)]) == 0


@contextmanager
def _https(answer: bytes, *, slowly: bool = False) -> Iterator[tuple[str, Path, trustme.CA]]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", "/ip-ranges.json")
                self.end_headers()
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_args: object) -> None:
            return None

    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}", Path("ca.pem"), authority
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_ranges_from_a_url(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with _https(json.dumps(RANGES).encode()) as (url, ca_file, authority):
        authority.cert_pem.write_to_path(str(here / ca_file))
        argv = ["render", "nftables", "-r", "us-east-2", "-q", "--allow-widening", "--ip-ranges"]
        assert run([*argv, f"{url}/ip-ranges.json", "--ca-file", str(ca_file)]) == 0
        out = capsys.readouterr().out
        assert "192.0.2.0/24" in out
        assert "2001:db8::/32" in out
        assert run([*argv, f"{url}/ip-ranges.json"]) == 2  # the store does not trust it
        assert run([*argv, f"{url}/moved", "--ca-file", str(ca_file)]) == 2  # a redirect is not followed
        assert capsys.readouterr().out == ""


def test_ranges_that_are_too_large_or_not_ranges(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from netprobe.catalog import prefixes

    with _https(b"[" * 100_000) as (url, ca_file, authority):
        authority.cert_pem.write_to_path(str(here / ca_file))
        argv = ["render", "nftables", "-r", "us-east-2", "-q", "--ip-ranges", f"{url}/x", "--ca-file", str(ca_file)]
        assert run(argv) == 2
        assert "not an ip-ranges.json" in capsys.readouterr().err
        monkeypatch.setattr(prefixes, "MAX_BYTES", 1000)
        assert run(argv) == 2
        assert "larger" in capsys.readouterr().err


def test_targets(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["targets", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["target"] for row in document["targets"]] == list(targets.names())
    for row in document["targets"]:
        # The matrix says all that the target declares: what it can express and how wide, its limits, its commands.
        target = targets.get(row["target"])
        declared = {
            field.name: getattr(target.CAPABILITY, field.name) for field in msgspec.structs.fields(DeviceCapability)
        }
        assert set(row["expresses"]) == set(declared.pop("forms"))
        assert {name: row[name] for name in declared} == {**declared, "beyond": list(target.CAPABILITY.beyond)}
        assert row["files"] == [file.name for file in target.FILES]
        assert row["main_file"] == target.MAIN.name
        assert row["commands"] == msgspec.structs.asdict(target.COMMANDS)
        assert row["scope"] == msgspec.structs.asdict(target.SCOPE)
        proof = target.PROOF
        assert row["proof"] == {**msgspec.structs.asdict(proof), "kind": proof.kind, "by": proof.by}
        assert not proof.engine or re.search(r"[0-9]", proof.engine), "an engine has a version"
        assert row["layer"] == target.LAYER
    assert run(["targets", "--format", "csv"]) == 0
    assert capsys.readouterr().out.count("\n") == len(targets.names()) + 1
    assert run(["targets"]) == 0
    assert "nftables" in capsys.readouterr().out


def _children() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def test_rendering_imports_no_network_and_is_quick() -> None:
    """One target for one region, from a cold start; in CPU seconds, which a busy machine changes little."""
    code = (
        "import sys; from netprobe.cli.main import run; code = run(['render', 'squid', '-r', 'us-east-2', '-q']);"
        "heavy = {'trio', 'dns', 'httpx', 'scapy', 'cryptography', 'rich'} & set(sys.modules);"
        "others = [m for m in sys.modules if m.startswith('netprobe.render.targets.') and not m.endswith('.squid')];"
        "sys.stderr.write(repr((code, heavy, others)))"
    )
    best = 9.0
    for _ in range(3):
        began = _children()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
        best = min(best, _children() - began)
        assert done.stderr == "(0, set(), [])"
    assert best < 1.0


NOT_IN_THE_COMMAND = {
    "output",
    "losses",
    "check",
    "compare",
    "strict",
    "quiet",
    "verbose",
    "config",
    "discover",
    "target",
    "help",
}
"""Options that write nothing other: where it goes, what is shown instead, and a look, which the lock stands for."""


def test_every_option_of_render_is_in_the_headers_command() -> None:
    """Who adds an option that changes the bytes and forgets the command makes a header that lies."""
    import inspect

    from netprobe.cli import render as command

    told = inspect.getsource(command.render)
    options = {
        declared
        for name, parameter in inspect.signature(command.render, eval_str=True).parameters.items()
        if name != "ctx"
        for declared in [_option(parameter.annotation, name)]
    }
    missing = [one for one in options - NOT_IN_THE_COMMAND if f'"--{one}"' not in told and f'"-{one}"' not in told]
    assert sorted(missing) == ["ipv4-only", "ipv6-only"], "these two are told as -4 and -6"
    assert '"-4"' in told
    assert '"-6"' in told


def _option(annotation: object, name: str) -> str:
    for one in getattr(annotation, "__metadata__", ()):
        # In an annotation the first name is where a default would be.
        declared = (getattr(one, "default", ""), *(getattr(one, "param_decls", ()) or ()))
        long = [d for d in declared if isinstance(d, str) and d.startswith("--")]
        if long:
            return str(long[0].removeprefix("--").split("/")[0])
    return name.replace("_", "-")


def test_the_headers_command_makes_the_same_bytes(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a lock that is read unasked, endpoints of a file, and every option of the form."""
    (here / "netprobe.lock").write_text(json.dumps(LOCK), encoding="utf-8")
    (here / "netprobe.lock").chmod(0o600)
    (here / "netprobe.toml").write_text(
        '[[endpoint]]\nid = "harbor"\npattern = "harbor.corp.example"\nport = 443\npurpose = "ours"\n', encoding="utf-8"
    )
    (here / "netprobe.toml").chmod(0o600)
    argv = ["render", "squid", "-r", "us-east-2", "--account", "1234-5678-9012", "--enforce", "--source", "192.0.2.1"]
    argv += ["--source", "2001:db8::/64", "--all-ports", "--name", "edge", "--with", "install", "-q"]
    assert run(argv) == 0
    first = capsys.readouterr().out
    (line,) = [line.removeprefix("#   ") for line in first.splitlines() if line.startswith("#   netprobe render")]
    for word in ("--lock netprobe.lock", "--config netprobe.toml", "--account 123456789012", "--name edge"):
        assert word in line
    assert run([*line.split()[1:], "-q"]) == 0
    assert capsys.readouterr().out == first


def test_two_looks_at_once_lose_nothing(here: Path) -> None:
    """Each reads the lock, adds its names and writes it; without a lock on the folder the last one wins."""
    from netprobe.cli.render_input import _kept
    from netprobe.render import lock as locks

    def look(region: str) -> None:
        sighting = locks.Sighting(at="2026-11-23T12:00:00Z", resolver="192.0.2.53", names={})
        _kept(Path("netprobe.lock"), locks.Lock(patterns={f"ecs-a-*.{region}.amazonaws.com": sighting}), lab=False)

    threads = [threading.Thread(target=look, args=(f"us-east-{n}",)) for n in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(locks.read(here / "netprobe.lock").patterns) == 8
