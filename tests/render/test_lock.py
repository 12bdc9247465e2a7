"""The lock: what was seen, when, by whom; hostile ones are refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from netprobe.errors import UnreadableFileError, UsageError
from netprobe.render import lock
from tests.support.render_cases import ecs

ECS_A = "ecs-a-*.us-east-2.amazonaws.com"
GOOD = {
    "version": 1,
    "patterns": {
        ECS_A: {
            "at": "2026-11-23T12:00:00Z",
            "resolver": "127.0.0.1:53",
            "names": {"ecs-a-2.us-east-2.amazonaws.com": ["192.0.2.1"]},
        }
    },
}


def _file(tmp_path: Path, document: object) -> Path:
    path = tmp_path / "netprobe.lock"
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


def test_it_tells_names_and_how_they_were_seen(tmp_path: Path) -> None:
    read = lock.read(_file(tmp_path, GOOD))
    found = read.seen()[ECS_A]
    assert found.names == ("ecs-a-2.us-east-2.amazonaws.com",)
    assert found.how == "seen 2026-11-23T12:00:00Z by 127.0.0.1:53"
    addresses = read.addresses()
    assert addresses is not None
    assert addresses.by_host == {"ecs-a-2.us-east-2.amazonaws.com": ("192.0.2.1",)}


def test_written_and_read_again_it_is_the_same(tmp_path: Path) -> None:
    first = lock.read(_file(tmp_path, GOOD))
    text = lock.write(first)
    assert lock.read(_file(tmp_path, text)) == first
    assert lock.write(lock.read(_file(tmp_path, text))) == text


def _changed(**changes: object) -> dict[str, object]:
    return {"version": 1, "patterns": {ECS_A: {**GOOD["patterns"][ECS_A], **changes}}}  # type: ignore[index]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("", "netprobe.lock"),
        ("[" * 100_000, "netprobe.lock"),
        ({"version": 2}, "version is 2"),
        ({"version": 1, "extra": 1}, "extra"),
        ({"version": 1, "patterns": {"no name": {}}}, "netprobe.lock"),
        (_changed(names={"evil.example.com": ["192.0.2.1"]}), "no name of"),
        (_changed(names={"ecs-a-2.us-east-2.amazonaws.com": ["0.0.0.0"]}), "0.0.0.0"),
        (_changed(names={"ecs-a-2.us-east-2.amazonaws.com": ["127.0.0.1"]}), "127.0.0.1"),
        (_changed(names={"ecs-a-2.us-east-2.amazonaws.com": ["0.0.0.0/0"]}), "allowlist"),
        (_changed(names={"ecs-a-2.us-east-2.amazonaws.com": ["::ffff:10.0.0.1"]}), "allowlist"),
        (_changed(names={"ecs-a-2.us-east-2.amazonaws.com": ["2001:db8::1%x; reboot"]}), "allowlist"),
        (_changed(at="yesterday\nallow all"), "time"),
        (_changed(resolver="x\nallow all"), "resolver"),
    ],
)
def test_what_is_no_lock_is_refused(tmp_path: Path, document: object, reason: str) -> None:
    with pytest.raises(UnreadableFileError, match=reason):
        lock.read(_file(tmp_path, document))


def test_a_missing_or_huge_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnreadableFileError, match="no such file"):
        lock.read(tmp_path / "none")
    monkeypatch.setattr(lock, "MAX_BYTES", 10)
    with pytest.raises(UnreadableFileError, match="larger"):
        lock.read(_file(tmp_path, GOOD))


def test_one_that_others_may_write_is_not_read_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert lock.unasked() is None
    path = _file(tmp_path, GOOD)
    path.chmod(0o600)
    assert lock.unasked() == lock.read(path)
    path.chmod(0o666)
    with pytest.raises(UnreadableFileError, match="another user"):
        lock.unasked()


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_one_that_someone_else_owns_is_not_read_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.chown(_file(tmp_path, GOOD), 65534, 65534)
    with pytest.raises(UnreadableFileError, match="another user"):
        lock.unasked()


def test_looking_keeps_what_exists_and_drops_sinkholes() -> None:
    asked = lock.questions(ecs("us-east-2"), (1, 2, 3), exact=True)
    assert "123456789012.dkr.ecr.us-east-2.amazonaws.com" in asked
    answers = {
        "ecs-a-1.us-east-2.amazonaws.com": ("192.0.2.1",),
        "ecs-a-2.us-east-2.amazonaws.com": (),
        "ecs-a-3.us-east-2.amazonaws.com": ("0.0.0.0",),
    }
    found = lock.look(asked, answers, at="2026-11-23T12:00:00Z", resolver="127.0.0.1:53")
    assert found.seen()[ECS_A].names == ("ecs-a-1.us-east-2.amazonaws.com",)


def test_a_resolver_that_knows_everything_proves_nothing() -> None:
    asked = lock.questions(ecs("us-east-2"), (1,), exact=False)
    answers = {name: ("192.0.2.9",) for names in asked.values() for name in names}
    with pytest.raises(UsageError, match="cannot exist"):
        lock.look(asked, answers, at="2026-11-23T12:00:00Z", resolver="127.0.0.1:53")


def test_a_new_look_replaces_only_what_it_looked_at(tmp_path: Path) -> None:
    old = lock.read(_file(tmp_path, GOOD))
    other = lock.Sighting(at="2026-12-01T00:00:00Z", resolver="127.0.0.1:53", names={})
    both = old.with_look(lock.Lock(patterns={"ecs-t-*.us-east-2.amazonaws.com": other}))
    assert both.patterns[ECS_A] == old.patterns[ECS_A]
    assert both.with_look(lock.Lock(patterns={ECS_A: other})).seen() == {}
