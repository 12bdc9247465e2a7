"""What each reader takes from a file is what the program that owns the file takes from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.findings import Outcome
from netprobe.host.filesystem import FolderRoot
from netprobe.host.readers import hosts, resolvconf, settings, systemd
from tests.support import rootfs

UNIT = "etc/systemd/system/docker.service"
ECS_UNIT = "usr/lib/systemd/system/ecs.service"


def environment(tmp_path: Path, files: dict[str, str | bytes]) -> dict[str, str]:
    with FolderRoot(rootfs.make(tmp_path / "root", files)) as root:
        return {one.key: one.value for one in systemd.environment(root, "docker.service")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=b\n# c\n; d\nB = c\n", {"A": "b", "B": "c"}),
        ("A=one \\\ntwo\nB=2\n", {"A": "one two", "B": "2"}),
        ('A="two\nlines"\n', {"A": "two\nlines"}),
        ("A='a'\"b\"c  \n", {"A": "abc"}),
        ('A=it"s\n', {"A": 'it"s'}),
        ('A="a\\"b\\$c\\d"\n', {"A": 'a"b$c\\d'}),
        ("A=a\\ \n", {"A": "a "}),
        ("export A=b\nB C=d\n=e\nF\n", {}),
        ("A=\nB=x", {"A": "", "B": "x"}),
        ("# c \\\nA=b\n", {"A": "b"}),
    ],
)
def test_environment_files_are_read_as_systemd_reads_them(text: str, expected: dict[str, str]) -> None:
    assert {one.key: one.value for one in settings.parse(text, "/f")} == expected


def test_each_setting_knows_the_line_where_it_begins() -> None:
    found = settings.parse('A=1\nB=a\\\nb\n\nC="x\ny"\nD=4\n', "/f")
    assert [(one.key, one.line) for one in found] == [("A", 1), ("B", 2), ("C", 5), ("D", 7)]


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Z0-9_]{0,8}", fullmatch=True), st.text(max_size=20), max_size=6))
def test_what_is_quoted_for_systemd_comes_back(wanted: dict[str, str]) -> None:
    def quoted(value: str) -> str:
        return '"' + "".join("\\" + c if c in '"\\`$' else c for c in value) + '"'

    text = "".join(f"{key}={quoted(value)}\n" for key, value in wanted.items())
    assert {one.key: one.value for one in settings.parse(text, "/f")} == wanted


@given(st.text(alphabet="AB=\"'\\# \t\n$;", max_size=60))
def test_any_text_is_an_environment_file(text: str) -> None:
    assert all(settings.NAME.fullmatch(one.key) for one in settings.parse(text, "/f"))


def test_drop_ins_are_read_by_name_and_etc_hides_the_package(tmp_path: Path) -> None:
    found = environment(
        tmp_path,
        {
            UNIT: "[Service]\nEnvironment=A=unit B=unit C=unit D=unit\n",
            "usr/lib/systemd/system/docker.service.d/90-late.conf": "[Service]\nEnvironment=A=late\n",
            "etc/systemd/system/docker.service.d/10-early.conf": "[Service]\nEnvironment=A=early B=early\n",
            "usr/lib/systemd/system/docker.service.d/50-hidden.conf": "[Service]\nEnvironment=C=hidden\n",
            "etc/systemd/system/docker.service.d/50-hidden.conf": "-> /dev/null",
            "etc/systemd/system/service.d/all.conf": "[Service]\nEnvironment=D=every\n",
        },
    )
    assert found == {"A": "late", "B": "early", "C": "unit", "D": "every"}


def test_continued_lines_files_and_unset(tmp_path: Path) -> None:
    found = environment(
        tmp_path,
        {
            UNIT: "[Service]\nEnvironment=A=1 \\\n# a comment between\n  B=2\nEnvironmentFile=-/etc/default/docker*\n"
            "UnsetEnvironment=C\n",
            "etc/default/docker": "A=file\nC=gone\n",
            "etc/default/docker.local": "D=\"x y\"\n",
            "etc/systemd/system.conf.d/p.conf": "[Manager]\nDefaultEnvironment=B=manager E=manager\n",
        },
    )  # fmt: skip
    assert found == {"A": "file", "B": "2", "D": "x y", "E": "manager"}


def test_only_the_service_section_sets_variables(tmp_path: Path) -> None:
    text = (
        "Environment=A=before\n[Unit]\nEnvironment=A=unit\n[Servce]\nEnvironment=A=typo\n[Service]\nEnvironment=B=1\n"
    )
    assert environment(tmp_path, {UNIT: text}) == {"B": "1"}


def test_specifiers_that_files_tell_are_expanded(tmp_path: Path) -> None:
    text = (
        "[Service]\nEnvironment=A=%n,%p,%i,%E/x B=100% C=%H D=%40\nEnvironmentFile=%E/default/%N\n"
        'UnsetEnvironment="U" V=1 %p=1\n'
    )
    files = {UNIT: text, "etc/default/docker": "U=1\nV=1\nW=2\nV=2\n"}
    assert environment(tmp_path, {**files}) == {
        "A": "docker.service,docker,,/etc/x", "B": "100%", "C": "%H", "W": "2", "V": "2"
    }  # fmt: skip


def test_a_blank_behind_a_backslash_joins_nothing(tmp_path: Path) -> None:
    """``Environment=A=1 \\ `` ends there, with a message in the journal: what follows is a line of its own."""
    text = "[Service]\nEnvironment=A=1 \\ \nEnvironment=B=1 \\\t\nEnvironment=C=1 \\\r\n D=1 \\\n\nEnvironment=E=1\n"
    assert environment(tmp_path, {UNIT: text}) == {"A": "1", "B": "1", "C": "1", "D": "1", "E": "1"}


def test_percent_signs_are_doubled_in_units(tmp_path: Path) -> None:
    text = "[Service]\nEnvironment=HTTPS_PROXY=http://u:a%%40b@p:3128\n"
    assert environment(tmp_path, {UNIT: text}) == {"HTTPS_PROXY": "http://u:a%40b@p:3128"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('a "b c" d', ["a", "b c", "d"]),
        ("'a\\x40b' \\\"c", ["a@b", '"c']),
        ('a "b', ["a", None]),
        ("a\\qb", [None]),
        ("\\101\\u00e9\\xc3\\xa9\\U0001f600", ["Aéé\U0001f600"]),
        ("a\\x00", [None]),
        ("a\\400 b", [None]),
        ('x"y z"w', ["xy zw"]),
    ],
)
def test_words_are_split_as_systemd_splits_them(value: str, expected: list[str | None]) -> None:
    assert list(systemd.words(value)) == expected


def test_commands_have_their_variables_put_in(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        UNIT: "[Service]\nEnvironment='OPTS=-H tcp://127.0.0.1:2375 --debug' F=/x\nExecStart=/bin/old\n",
        "etc/systemd/system/docker.service.d/a.conf": "[Service]\nExecStart=\n"
        "ExecStart=-/bin/dockerd $OPTS -c ${F}/y\n",
    }
    with FolderRoot(rootfs.make(tmp_path / "root", files)) as root:
        ((place, words),) = systemd.commands(root, "docker.service")
    assert words == ("/bin/dockerd", "-H", "tcp://127.0.0.1:2375", "--debug", "-c", "/x/y")
    assert (place.file, place.line) == ("/etc/systemd/system/docker.service.d/a.conf", 3)


def test_resolv_conf_keeps_every_line() -> None:
    text = "# c\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\n nameserver no\n"
    text += "search a b\ndomain C.\noptions ndots:99 use-vc\n"
    found = resolvconf.parse(enumerate(text.split("\n"), start=1))
    assert [(one.value, one.line) for one in found.servers] == [("192.0.2.1", 2), ("fe80::1%eth0", 3), ("no", 4)]
    assert found.addresses == ("192.0.2.1", "fe80::1%eth0")
    assert [(one.value, one.line) for one in found.search] == [("c", 6)]
    assert (found.ndots.value, found.ndots.line, found.over_tcp) == ("15", 7, True)


def test_hosts_file_entries() -> None:
    text = "127.0.0.1 localhost\n192.0.2.1 A.example. b # c\nno address\n"
    found = list(hosts.parse(enumerate(text.split("\n"), start=1)))
    assert [(one.address, one.names, one.line) for one in found] == [
        ("127.0.0.1", ("localhost",), 1),
        ("192.0.2.1", ("a.example", "b"), 2),
    ]


# --- keys that two readers of units once lost -------------------------------------------------------------------------

KEY = "AWS_SECRET_ACCESS_KEY"


@pytest.mark.parametrize(
    ("files", "where"),
    [
        ({ECS_UNIT: "[Service]\nEnvironmentFile=-/etc/sysconfig/agents\n", "etc/sysconfig/agents": f"A=1\n{KEY}=x\n"},
         ("/etc/sysconfig/agents", 2)),
        ({ECS_UNIT: f"[Service]\nEnvironment=A=1 \\\n  {KEY}=x\n"}, ("/usr/lib/systemd/system/ecs.service", 2)),
        ({"etc/systemd/system.conf": f"[Manager]\nDefaultEnvironment={KEY}=x\n"}, ("/etc/systemd/system.conf", 2)),
    ],
)  # fmt: skip
def test_a_key_in_any_place_of_a_unit_is_found(
    tmp_path: Path, files: dict[str, str | bytes], where: tuple[str, int]
) -> None:
    one = rootfs.judged(rootfs.make(tmp_path / "root", files))["credentials_on_host"].judgement
    assert one.outcome is Outcome.FAIL
    assert where in {(place.file, place.line) for place in one.places}


def test_a_line_that_systemd_ignores_gives_no_credentials(tmp_path: Path) -> None:
    root = rootfs.make(tmp_path / "root", {ECS_UNIT: f"[Service]\n{KEY}=x\n"})
    assert rootfs.judged(root)["credentials_on_host"].judgement.outcome is Outcome.PASS
