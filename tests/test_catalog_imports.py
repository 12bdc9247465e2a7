"""A newer catalog without a newer program: signed by OpenSSH's own tool, held to our rules, kept or refused whole."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe import catalog, nameplate, signatures
from netprobe.catalog import edition, history, imports, prefixes, validation
from netprobe.cli.main import run
from netprobe.errors import NetprobeError, UnreadableFileError
from tests.support import need
from tests.support.cli import ROOT, environment

SHIPPED = edition.shipped()


def later(days: int) -> str:
    """A version so many days after the one that ships."""
    return (datetime.date.fromisoformat(SHIPPED.version) + datetime.timedelta(days=days)).isoformat()


NEWER = later(1)


def text_of(name: str) -> str:
    return SHIPPED.files[name].decode()


def newer(version: str = NEWER, host: str = "ecs-new.{region}.{suffix}") -> dict[str, bytes]:
    """The shipped files with one more endpoint, told in the history."""
    entry = f"""
[[endpoint]]
id = "ecs-new"
groups = ["control"]
host = "{host}"
purpose = "The agent talks to a new channel of the service."
used_by = ["ecs-agent"]
source = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-anywhere.html"
checked = "{version}"
probe = "query-unsigned"
required = true
"""
    endpoints = text_of("endpoints.toml").replace(f'version = "{SHIPPED.version}"', f'version = "{version}"') + entry
    probes = re.findall(r"(?m)^\[probe\.([a-z0-9-]+)\]", endpoints)
    endpoints = endpoints.replace('probe = "query-unsigned"', f'probe = "{probes[0]}"')
    answer = '\n[[answer]]\nof = ["ecs-new"]\nstep = "http"\nseen = false\ntold = "like its siblings"\n'
    answer += f'source = "https://docs.aws.amazon.com/"\ndate = "{version}"\nstatus = [400]\n'
    told = history.parse(SHIPPED.files[history.NAME])
    change = history.CatalogChange(
        version=version,
        subject="ecs-new",
        kind=history.CatalogChangeKind.ADDED,
        after={"groups": ["control"], "host": host, "used_by": ["ecs-agent"], "required": True},
        reason="the agent got a new channel",
        source="https://docs.aws.amazon.com/",
        impact="required: hosts are not ready without it",
    )
    return {
        **SHIPPED.files,
        "endpoints.toml": endpoints.encode(),
        "answers.toml": (text_of("answers.toml") + answer).encode(),
        history.NAME: history.dump(msgspec.structs.replace(told, changes=(*told.changes, change))),
    }


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty place for imports, and nothing remembered of another."""
    where = tmp_path / "var" / "netprobe" / "catalog.json"
    monkeypatch.setattr(nameplate, "imports", lambda: (str(where),))
    forget()
    yield where
    monkeypatch.undo()
    forget()


def forget() -> None:
    for remembered in (edition.current, catalog.load, history.current, prefixes.snapshot):
        remembered.cache_clear()


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two keys of ssh-keygen: ``good`` and ``other``."""
    need.programs("ssh-keygen")
    folder = tmp_path_factory.mktemp("keys")
    for name in ("good", "other"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    return folder


def sign(path: Path, key: Path, namespace: str = "netprobe-catalog") -> None:
    Path(f"{path}.sig").unlink(missing_ok=True)
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(key), str(path)]
    subprocess.run(command, check=True, capture_output=True)


Bundled = Callable[..., Path]


@pytest.fixture
def bundled(tmp_path: Path, keys: Path) -> Bundled:
    """Write an edition, its checksum and a signature."""

    def make(files: dict[str, bytes] | bytes, key: str = "good", namespace: str = "netprobe-catalog") -> Path:
        path = tmp_path / "catalog-new.json"
        data = files if isinstance(files, bytes) else edition.dump(files)
        path.write_bytes(data)
        sums = Path(f"{path}.sha256")
        sums.write_text(f"{hashlib.sha256(data).hexdigest()}  {path.name}\n")
        sign(sums, keys / key, namespace)
        return path

    return make


def take(path: Path, keys: Path, *more: str) -> int:
    forget()
    code = run(["catalog", "import", str(path), "--key", str(keys / "good.pub"), *more])
    forget()
    return code


def test_what_ships_keeps_every_rule() -> None:
    assert validation.problems(SHIPPED.files) == ()


def test_the_project_has_published_no_key_yet_and_has_a_place_for_one(
    bundled: Bundled, capsys: pytest.CaptureFixture[str]
) -> None:
    assert imports.project_keys() == ()
    assert run(["catalog", "import", str(bundled(newer()))]) == 2
    assert "there is no key to hold its signature to; give --key FILE" in capsys.readouterr().err


def test_export_is_the_same_bytes_and_checked_by_sha256sum(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        assert run(["catalog", "export", str(tmp_path / name / "catalog.json")]) == 0
    assert (tmp_path / "a/catalog.json").read_bytes() == (tmp_path / "b/catalog.json").read_bytes()
    subprocess.run(["sha256sum", "--check", "--strict", "catalog.json.sha256"], cwd=tmp_path / "a", check=True)
    assert "ssh-keygen -Y sign -n netprobe-catalog" in capsys.readouterr().err


def test_what_is_exported_and_signed_is_taken(
    bundled: Bundled, keys: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = bundled(newer())
    allowed = path.parent / "allowed"
    allowed.write_text(f"who {(keys / 'good.pub').read_text()}")
    subprocess.run(  # OpenSSH itself is of our opinion
        [
            *("ssh-keygen", "-Y", "verify", "-f", str(allowed), "-I", "who"),
            "-n",
            "netprobe-catalog",
            "-s",
            f"{path}.sha256.sig",
        ],
        input=Path(f"{path}.sha256").read_bytes(),
        check=True,
        capture_output=True,
    )
    assert take(path, keys) == 0
    shown = subprocess.run(["ssh-keygen", "-l", "-f", keys / "good.pub"], capture_output=True, text=True, check=True)
    fingerprint = shown.stdout.split()[1]
    told = capsys.readouterr().err
    assert f"catalog {NEWER} counts from now on" in told
    assert fingerprint in told

    now = catalog.load()
    assert now.version == NEWER
    assert "ecs-new.us-east-2.amazonaws.com" in {one.pattern for one in now.endpoints("us-east-2")}
    assert (place.stat().st_mode & 0o777, place.stat().st_uid) == (0o644, os.geteuid())
    assert [one.name for one in place.parent.iterdir()] == ["catalog.json"]

    assert run(["--version"]) == 0
    assert re.search(rf"catalog {NEWER}, -?\d+ days? old, imported$", capsys.readouterr().out.strip())
    assert run(["version", "-v"]) == 0
    assert f"imported from catalog-new.json on {now.imported.at[:10]}" in capsys.readouterr().out  # type: ignore[union-attr]
    assert run(["render", "squid", "-r", "us-east-2", "--account", "123456789012", "-q"]) == 0
    rendered = capsys.readouterr().out
    assert f"Facts: catalog {NEWER} (imported, signed by {fingerprint})" in rendered
    assert "ecs-new.us-east-2.amazonaws.com" in rendered
    assert run(["changes", "-r", "us-east-2", "--since", SHIPPED.version]) == 0
    assert "the agent got a new channel" in capsys.readouterr().out
    assert run(["check", "-r", "us-east-2", "--lab", "healthy", "--format", "json", "-q"]) in (0, 1)
    report = json.loads(capsys.readouterr().out)
    assert report["catalog"]["version"] == NEWER
    assert report["catalog"]["imported"].startswith("catalog-new.json on ")
    assert report["catalog"]["imported"].endswith(f"signed by {fingerprint}")

    assert run(["catalog", "remove"]) == 0
    forget()
    assert catalog.load().version == SHIPPED.version
    assert run(["catalog", "remove"]) == 0


def test_the_key_may_stand_in_netprobe_toml(
    bundled: Bundled, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bundled(newer())
    (tmp_path / "netprobe.toml").write_text('[catalog]\nkey = "trusted.pub"\n')
    (tmp_path / "trusted.pub").write_text(
        f"# ours\n\n{(keys / 'other.pub').read_text()}{(keys / 'good.pub').read_text()}"
    )
    monkeypatch.chdir(tmp_path)
    assert run(["catalog", "import", str(path)]) == 0
    forget()
    assert catalog.load().version == NEWER


Spoil = Callable[[Path, Path], object]


def _other_name(path: Path, keys: Path) -> None:
    sums = Path(f"{path}.sha256")
    sums.write_text(sums.read_text().replace(path.name, "other.json"))
    sign(sums, keys / "good")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path, keys: path.write_bytes(path.read_bytes() + b" "), "its SHA-256 is another"),
        (lambda path, keys: Path(f"{path}.sha256").write_bytes(b"0" * 64 + b"  catalog-new.json\n"), "does not belong"),
        (lambda path, keys: Path(f"{path}.sha256.sig").unlink(), "cannot be read"),
        (lambda path, keys: Path(f"{path}.sha256.sig").write_text("untrusted"), "no signature that can be read"),
        (lambda path, keys: Path(f"{path}.sha256.sig").write_bytes(b"\xff" * 100_000), "is larger than 64 KiB"),
        (lambda path, keys: sign(Path(f"{path}.sha256"), keys / "other"), "is none of the trusted keys"),
        (lambda path, keys: sign(Path(f"{path}.sha256"), keys / "good", "git"), "was made for something else"),
        (_other_name, "names catalog-new.json nowhere"),
    ],
)
def test_nothing_is_taken_that_was_not_signed(
    bundled: Bundled, keys: Path, place: Path, capsys: pytest.CaptureFixture[str], spoil: Spoil, reason: str
) -> None:
    path = bundled(newer())
    spoil(path, keys)
    assert take(path, keys) == 2
    said = capsys.readouterr().err
    assert reason in said
    assert said.count("\n") == 1
    assert not place.exists()


def _with(name: str, old: str, new: str) -> dict[str, bytes]:
    files = newer()
    assert old in files[name].decode()
    return {**files, name: files[name].decode().replace(old, new).encode()}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (lambda: newer(host="{region.__class__}.amazonaws.com"), "holds something other than"),
        (lambda: newer(host="ecs.{region:>999999999}.amazonaws.com"), "holds something other than"),
        (lambda: newer(host="ecs.{region!r}.amazonaws.com"), "holds something other than"),
        (lambda: newer(host="ecs.{region"), "is no template"),
        (lambda: newer(host="a b.{region}.{suffix}"), "ecs-new in "),
        (lambda: newer(host="ECS.{region}.{suffix}"), "is not in its plain form"),
        (lambda: newer(host="ecs.{region}.amazonaws.com.cn"), "is a name in China"),
        (lambda: _with("regions.toml", 'aws-cn = "refused"', 'aws-cn = "documented"'), "aws-cn: China is not refused"),
        (lambda: _with("endpoints.toml", 'probe = "', 'probe = "none-'), "it cannot be read"),
        (lambda: _with("endpoints.toml", "a new channel", "\u202ea new channel"), "no single line of plain text"),
        (lambda: _with("endpoints.toml", "a new channel of", "a new. Channel of"), "not one sentence"),
        (lambda: _with(history.NAME, "the agent got a new channel", "so"), "does not say why ecs-new changed"),
        (lambda: _with(history.NAME, "ecs-new.{region}", "ecs-old.{region}"), "does not tell that ecs-new changed"),
        (lambda: _with(history.NAME, '"subject": "ecs-new"', '"subject": "ecs"'), "ecs cannot be added"),
        (lambda: _with("prefixes.json", '"us-east-2":{"v4":["', '"us-east-2":{"v4":["999.'), "prefixes.json: "),
        (lambda: _with("partitions.json", "us-east-2", "us-east-2\u0007"), "it cannot be read"),
        (lambda: {**newer(), "regions.toml": b"a = [" * 5000}, "it cannot be read"),
    ],
)
def test_a_signature_does_not_excuse_a_broken_rule(
    bundled: Bundled,
    keys: Path,
    place: Path,
    capsys: pytest.CaptureFixture[str],
    files: Callable[[], dict[str, bytes]],
    reason: str,
) -> None:
    path = bundled(files())
    assert take(path, keys) == 2
    said = capsys.readouterr().err
    assert "breaks a rule of the catalog" in said
    assert reason in said
    assert said.count("\n") == 1
    assert not place.exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda bundle: bundle.update(netprobe_catalog=2), "is of form 2"),
        (lambda bundle: bundle.update(more=1), "is no catalog"),
        (lambda bundle: bundle["files"].pop("prefixes.json"), "prefixes.json is missing"),
        (lambda bundle: bundle["files"].update({"former_roots.json": "{}"}), "former_roots.json is unknown"),
        (lambda bundle: bundle.update(version="2026-12-31"), "it calls itself 2026-12-31"),
    ],
)
def test_another_form_is_refused(
    bundled: Bundled,
    keys: Path,
    place: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[Any], object],
    reason: str,
) -> None:
    bundle = json.loads(edition.dump(newer()))
    change(bundle)
    assert take(bundled(json.dumps(bundle).encode()), keys) == 2
    assert reason in capsys.readouterr().err
    assert not place.exists()


def test_older_ones_are_refused(
    bundled: Bundled, keys: Path, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    today = datetime.datetime.fromisoformat(later(8)).replace(tzinfo=datetime.UTC)

    class Clock(datetime.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return today

    monkeypatch.setattr("netprobe.cli.catalog.datetime.datetime", Clock)
    assert take(bundled(newer(later(7))), keys) == 0
    before = place.read_bytes()
    path = bundled(newer(later(6)))
    assert take(path, keys) == 2
    assert f"is older than the import of {later(7)} that is here; give --allow-older" in capsys.readouterr().err
    assert place.read_bytes() == before
    assert take(path, keys, "--allow-older") == 0
    assert catalog.load().version == later(6)
    capsys.readouterr()
    monkeypatch.setattr(edition, "shipped", lambda: msgspec.structs.replace(SHIPPED, version=later(7)))
    assert take(path, keys, "--allow-older") == 2
    assert f"is older than the catalog of {later(7)} that ships" in capsys.readouterr().err
    assert take(bundled(newer(later(10))), keys) == 2
    assert f"is of a day to come (today is {later(8)})" in capsys.readouterr().err


def test_an_import_that_is_older_than_what_ships_counts_no_more(
    bundled: Bundled, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert take(bundled(newer()), keys) == 0
    assert edition.current().imported is not None
    forget()
    monkeypatch.setattr(edition, "shipped", lambda: msgspec.structs.replace(SHIPPED, version=later(2)))
    assert edition.current().imported is None


@pytest.mark.parametrize("data", [b"", b"{", b"{}", b"[" * 100_000, b'{"imported":{},"bundle":{}}'])
def test_a_broken_import_is_told_and_can_be_removed_or_replaced(
    bundled: Bundled, keys: Path, place: Path, capsys: pytest.CaptureFixture[str], data: bytes
) -> None:
    place.parent.mkdir(parents=True)
    place.write_bytes(data)
    assert run(["regions"]) == 2
    assert "is no catalog that this netprobe can read; import it again, or go back" in capsys.readouterr().err
    assert take(bundled(newer()), keys) == 0
    assert catalog.load().version == NEWER
    place.write_bytes(data)
    assert run(["catalog", "remove"]) == 0


def test_an_import_that_another_user_may_have_written_is_not_read(
    bundled: Bundled, keys: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    need.root()
    assert take(bundled(newer()), keys) == 0
    os.chown(place, 65534, 65534)
    capsys.readouterr()
    assert run(["regions"]) == 2
    assert "another user may have written it" in capsys.readouterr().err
    real = place.with_name("real.json")
    os.chown(place, 0, 0)
    place.rename(real)
    place.symlink_to(real)
    assert run(["regions"]) == 2
    assert "is a link" in capsys.readouterr().err


def test_one_user_and_everybody(bundled: Bundled, keys: Path, tmp_path: Path) -> None:
    """The real paths, on a /var/lib of its own: root imports for everybody, a user only for itself."""
    need.root()
    need.programs("unshare", "setpriv")
    path = bundled(newer())
    for name in (path, Path(f"{path}.sha256"), Path(f"{path}.sha256.sig"), keys / "good.pub"):
        name.chmod(0o644)
    for folder in (*path.parents, keys):
        if str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    script = f"""
set -e
mount -t tmpfs none /var/lib
home=$(mktemp -d /var/lib/home.XXXX); chown 65534:65534 "$home"
netprobe() {{ "{sys.executable}" -m netprobe "$@" 2>/dev/null; }}
as_nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"
user() {{ HOME=$home $as_nobody "{sys.executable}" -m netprobe "$@" 2>/dev/null; }}
user --version
user catalog import {path} --key {keys}/good.pub; user --version; netprobe --version
stat -c '%U %a' "$home/.local/share/netprobe/catalog.json"
user catalog remove; user --version
netprobe catalog import {path} --key {keys}/good.pub; netprobe --version; user --version
stat -c '%U %a' /var/lib/netprobe/catalog.json
user catalog import {path}.none --key {keys}/good.pub || echo refused $?
"""
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "bash", "-c", script],
        env={**environment(), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    days = [line for line in done.stdout.splitlines() if not line.startswith("netprobe ")]
    told = [re.sub(r", -?\d+ days? old", "", line) for line in days]
    old, new = f"catalog {SHIPPED.version}", f"catalog {NEWER}, imported"
    assert told == [old, new, old, "nobody 644", old, new, new, "root 644", "refused 2"]


SAMPLE = st.one_of(st.binary(max_size=400), st.binary(max_size=200).map(lambda raw: b"SSHSIG" + raw))


@given(SAMPLE)
def test_no_bytes_pass_for_a_signature(data: bytes) -> None:
    armoured = b"-----BEGIN SSH SIGNATURE-----\n" + base64.b64encode(data) + b"\n-----END SSH SIGNATURE-----\n"
    for text in (data, armoured):
        with pytest.raises(UnreadableFileError):
            signatures.signer(b"message", text, "netprobe-catalog", (), "file")


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_reader_of_keys(data: bytes) -> None:
    try:
        found = signatures.keys(data, "file")
    except NetprobeError as exc:
        told = str(exc)
    else:
        told = ""
        assert all(len(key.raw) == 32 for key in found)
    assert "\n" not in told


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    need.programs("ssh-keygen")
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(tmp_path / "k")], check=True)
    with pytest.raises(UnreadableFileError, match="line 1: is no public Ed25519 key"):
        signatures.keys((tmp_path / "k.pub").read_bytes(), "k.pub")
