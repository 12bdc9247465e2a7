"""systemd as the second reader: the variables that it would give units which nobody would write, and ours.

``systemd --test`` loads units as at boot, prints them and starts nothing (systemd(1)); it refuses to run as root.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from netprobe.host.filesystem import FolderRoot
from netprobe.host.readers import systemd
from tests.support import need

NOBODY = 65534
UNITS = 120
PROGRAM = "/lib/systemd/systemd"
NAMES = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "A", "b_c")
VALUES = (
    "http://p:3128", "x", "", "a b", "%n", "%%", "%40", "%e9", "a\\x20b", "\\\\", "'q'", '"q"', "a\\tb", "$A", "a;b",
    "#c", "é", "a\\ b", "a'b\"c", "%", "%Zfoo", "%i", "\\u0041", "\\101", "\\x00", "\\xc3\\xa9", "100%", "%p",
)  # fmt: skip
SECTIONS = ("[Service]", "[Unit]", "[Service] ", "[X-Foo]", "[Foo]", "[service]")
UNSET = ("", "HTTPS_PROXY", "A b_c", "A=x", '"NO_PROXY"', "HTTP_PROXY=http://p:3128")


def word(chance: random.Random) -> str:
    name, value = chance.choice(NAMES), chance.choice(VALUES)
    forms = ("{0}={1}", "{0}={1}", '"{0}={1}"', "'{0}={1}'", '{0}="{1}"', "{0}", '{0}={1}"', "1{0}={1}")
    return chance.choice(forms).format(name, value)


def line(chance: random.Random) -> str:
    kind = chance.randrange(20)
    if kind < 10:
        words = (word(chance) for _ in range(chance.randint(0, 3)))
        return f"Environment{chance.choice(('=', ' = '))}{chance.choice((' ', '  ')).join(words)}"
    if kind < 12:
        return f"UnsetEnvironment={chance.choice(UNSET)}"
    if kind < 15:
        return f"Environment={word(chance)}{chance.choice((' ', '', ' ', ' ', ' '))}{chance.choice(ENDS)}"
    return chance.choice((*SECTIONS, "# c", "  ; c\\", "foo", "environment=A=1", "Environment=", "", ""))


ENDS = ("\\", "\\", "\\ ", "\\\t", "\\\\")


STARTED = (
    *["ExecStart=/bin/true"] * 8, "", "ExecStart=/bin/a\nExecStart=/bin/b", "ExecStart=/bin/a\nExecStart=",
    "Type=oneshot\nExecStart=/bin/a\nExecStart=/bin/b", "Type=oneshot\nExecStop=/bin/a", "ExecStop=/bin/a",
    "RemainAfterExit=yes\nExecStop=/bin/a",
)  # fmt: skip


def content(chance: random.Random) -> str:
    lines = (line(chance) + chance.choice(("\n", "\n", "\r\n")) for _ in range(chance.randint(1, 7)))
    return chance.choice(("[Service]\n", "[Service]\n", "\n[Service]\n", "")) + "".join(lines)


def place(path: Path, text: str, chance: random.Random) -> None:
    """Write a file, or what hides one."""
    kind = chance.randrange(30)
    if kind:
        path.write_text(text if kind > 1 else "", newline="")
    else:
        path.symlink_to("/dev/null")


def made(root: Path, chance: random.Random) -> list[str]:
    """Units and drop-ins in every folder of systemd's, some hidden, and a target that wants them all."""
    folders = [root / folder.lstrip("/") for folder in systemd.UNIT_FOLDERS]
    units = [f"{chance.choice(('u', 'u-v', 'u-v-w'))}{number}.service" for number in range(UNITS)]
    for folder in folders:
        folder.mkdir(parents=True)
    for unit in units:
        for folder in chance.sample(folders, chance.choice((1, 1, 2))):
            place(folder / unit, f"{content(chance)}\n[Service]\n{chance.choice(STARTED)}\n", chance)
        for _ in range(chance.randint(0, 4)):
            drop_ins = chance.choice(folders) / f"{unit}.d"
            drop_ins.mkdir(exist_ok=True)
            drop_in = drop_ins / chance.choice(("10-a.conf", "b.conf", "Z.conf", "_.conf", "x.conf.bak"))
            if not drop_in.is_symlink() and not drop_in.exists():
                place(drop_in, content(chance) + chance.choice(("", "", "[Service]\nExecStart=\n")), chance)
    for folder, shared in zip(folders, ("service.d", "u-.service.d", "u-v-.service.d"), strict=False):
        (folder / shared).mkdir()
        (folder / shared / "c.conf").write_text(f"[Service]\nEnvironment=C={shared}\n")
        (folder / shared / f"{shared}.conf").write_text(f"[Service]\nEnvironment=D={shared}\n")
    (folders[0] / "all.target").write_text("[Unit]\n" + "".join(f"Wants={unit}\n" for unit in units))
    return units


def loaded(root: Path, runtime: Path) -> dict[str, tuple[str, dict[str, str]]]:
    """Whether systemd loads each unit, and what it would set for it.

    That is without what ``UnsetEnvironment=`` takes away at the start.
    """
    environment = {
        "XDG_RUNTIME_DIR": str(runtime),
        "HOME": str(runtime),
        "SYSTEMD_UNIT_PATH": ":".join(f"{root}{folder}" for folder in systemd.UNIT_FOLDERS) + ":",
    }
    told = subprocess.run(
        [PROGRAM, "--test", "--user", "--unit=all.target", "--no-pager"],
        env=environment, user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, timeout=60, check=True,
    ).stdout.decode()  # fmt: skip
    parts = re.split(r"-> Unit (\S+):\n", told)
    state = re.compile(r"^\t\tUnit Load State: (\S+)$", re.MULTILINE)
    return {
        name: (found[1], dict(fields(text)))
        for name, text in zip(parts[1::2], parts[2::2], strict=True)
        if (found := state.search(text)) is not None
    }


def ours(root: FolderRoot, unit: str) -> tuple[str, dict[str, str]]:
    """The same as netprobe reads it."""
    if systemd.masked(root, unit) is not None:
        return "masked", {}
    if systemd.refused(root, unit) is not None:
        return "bad-setting", {}
    return "loaded", {one.key: one.value for one in systemd.environment(root, unit)}


def fields(text: str) -> Iterator[tuple[str, str]]:
    set_, unset = (re.findall(rf"^\t\t{key}: (.*)$", text, re.MULTILINE) for key in ("Environment", "UnsetEnvironment"))
    for one in set_:
        name, _, value = one.partition("=")
        if name not in unset and one not in unset:
            yield name, value


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that others may enter, which pytest's own is not."""
    need.root()
    need.engine("systemd-analyze")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.mark.parametrize("seed", [1, 2])
def test_units_are_read_as_systemd_reads_them(open_folder: Path, seed: int) -> None:
    root, runtime = open_folder / "root", open_folder / "runtime"
    units = made(root, random.Random(seed))
    runtime.mkdir()
    os.chown(runtime, NOBODY, NOBODY)
    theirs = loaded(root, runtime)
    with FolderRoot(root) as opened:
        found = {unit: ours(opened, unit) for unit in units}
    assert {state for state, _ in found.values()} == {"loaded", "masked", "bad-setting"}
    assert sum(len(variables) for _, variables in found.values()) > UNITS
    for unit in units:
        assert found[unit] == theirs[unit], unit
