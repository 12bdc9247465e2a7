"""Values that shells complete to, asked for by real shells with the scripts that netprobe prints."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from netprobe import report
from netprobe.audit.formats import FORMATS
from netprobe.catalog import load
from netprobe.cli import audit, changes, complete, observe, path, tables, version
from netprobe.cli.commands import COMMANDS
from netprobe.cli.explain import known
from netprobe.cli.main import load_command
from netprobe.fleet import formats as fleet_formats
from netprobe.fleet.formats import comparison
from netprobe.lab.scenarios import SCENARIOS
from netprobe.render import targets
from tests.support import need
from tests.support.cli import ROOT, netprobe


@pytest.fixture
def command(tmp_path: Path) -> dict[str, str]:
    """An environment in which ``netprobe`` is a command."""
    script = tmp_path / "netprobe"
    script.write_text(f'#!/bin/sh\ncd "{ROOT}" && exec "{sys.executable}" -m netprobe "$@"\n')
    script.chmod(0o755)
    return {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)}


ASKED = [
    (["render", "squ"], {"squid", "squid-splice"}),
    (["render", "squid", "-r", "us-east-"], {"us-east-1", "us-east-2"}),
    (["render", "squid", "--region", "us-east-2,us-we"], {"us-east-2,us-west-1", "us-east-2,us-west-2"}),
    (["check", "--with", "trac"], {"tracing"}),
    (["check", "--lab", "tls-inter"], {"tls-intercepted", "tls-intercepted-trusted"}),
    (["explain", "tls_path"], {"tls_path_mtu"}),
    (["explain", "daemon_s"], {"daemon_scheduling_unsupported"}),
    (["audit", "--log-format", "squid"], {"squid", "squid-combined"}),
    (["audit", "--target", "nginx"], {"nginx-stream"}),
    (["lab", "run", "self-"], {"self-signed"}),
    (["completion", "fi"], {"fish"}),
    (["check", "--as", "ss"], {"ssm-agent"}),
    (["render", "squid", "--as", "ter"], {"terraform"}),
]


@pytest.mark.parametrize(
    ("words", "expected"), ASKED, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_bash_completes_values(command: dict[str, str], words: list[str], expected: set[str]) -> None:
    """The script is evaluated as a person does it, and its function called as readline does."""
    line = ["netprobe", *words]
    quoted = " ".join(f"'{word}'" for word in line)
    script = (
        'eval "$(netprobe completion bash)" && complete -p netprobe >/dev/null\n'
        f"COMP_WORDS=({quoted}) COMP_CWORD={len(line) - 1}\n"
        f"_netprobe_completion netprobe '{line[-1]}' '{line[-2]}'\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    ended = subprocess.run(
        ["bash", "--norc", "-c", script], env=command, capture_output=True, text=True, timeout=60, check=True
    )
    assert set(ended.stdout.split("\n")) - {""} == expected, ended.stderr


@pytest.mark.parametrize(("words", "expected"), ASKED[:6:2])
def test_fish_completes_values(command: dict[str, str], words: list[str], expected: set[str]) -> None:
    """fish itself says what it would offer; the description stands behind a tab."""
    need.engine("fish")
    script = f'netprobe completion fish | source; complete -C "netprobe {" ".join(words)}"'
    ended = subprocess.run(
        ["fish", "--no-config", "-c", script], env=command, capture_output=True, text=True, timeout=60, check=True
    )
    offered = {line.partition("\t")[0] for line in ended.stdout.splitlines()}
    assert offered == expected, (ended.stdout, ended.stderr)


@pytest.mark.parametrize("columns", ["40", "200"])
def test_fish_offers_no_piece_of_a_description(command: dict[str, str], columns: str) -> None:
    """Descriptions are longer than a terminal is wide; each of their lines would be a value of its own to fish."""
    asked = {"_NETPROBE_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "get-args", "COLUMNS": columns}
    for words, values in (("lab run ", complete.scenarios()), ("check --with ", complete.groups())):
        shown = netprobe(env={**command, **asked, "_TYPER_COMPLETE_ARGS": f"netprobe {words}"}).out
        assert [line.partition("\t")[0] for line in shown.splitlines()] == list(values)
        assert any(len(line) > 80 for line in shown.splitlines())
    shown = netprobe(env={**command, **asked, "_TYPER_COMPLETE_ARGS": "netprobe check --"}).out
    assert all(line.startswith("--") for line in shown.splitlines())


def test_every_command_with_formats_offers_its_own() -> None:
    """By the commands' own tables; a command that grows a format option without completion fails here."""
    own: dict[str, Iterable[str]] = {
        **dict.fromkeys(("check", "diagnose", "host", "image", "workload", "gate"), report.FORMATS),
        **dict.fromkeys(("endpoints", "regions", "targets", "list"), tables.FORMATS),
        "path": path.FORMATS,
        "observe": observe.FORMATS,
        "audit": audit.FORMATS,
        "version": version.FORMATS,
        "fleet": fleet_formats.FORMATS,
        "compare": comparison.FORMATS,
        "changes": changes.FORMATS,
    }
    offered = {}
    pending = [(name, load_command(name)) for name in COMMANDS]
    while pending:
        name, one = pending.pop()
        pending += (getattr(one, "commands", None) or {}).items()
        complete.attach(one, name)
        for parameter in one.params:
            if parameter.name == "format":
                offered[name] = [item.value for item in parameter.shell_complete(None, "")]
    assert offered == {name: list(formats) for name, formats in own.items()}


@pytest.mark.parametrize(("words", "expected"), ASKED[:6:2])
def test_zsh_is_given_values(command: dict[str, str], words: list[str], expected: set[str]) -> None:
    """zsh takes the script, and what it would be given names the values with their descriptions."""
    need.engine("zsh")
    script = netprobe("completion", "zsh").out
    subprocess.run(["zsh", "-n"], input=script, text=True, check=True, timeout=20, env=command)
    asked = {"_NETPROBE_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": " ".join(["netprobe", *words])}
    shown = netprobe(env=asked).out
    assert shown.startswith("_arguments '*: :((")
    assert {word for word in expected if f'"{word}"' in shown} == expected
    assert shown.count('":"') == len(expected)


SET_UP = """unsetopt zle_bracketed_paste; PS1='> '; autoload -U compinit && compinit -D -u
eval "$(netprobe completion zsh)"; setopt no_auto_menu; print -r -- SET''UP
"""


@pytest.mark.parametrize(("words", "expected"), ASKED[:6:2])
def test_zsh_offers_them_on_a_terminal(command: dict[str, str], words: list[str], expected: set[str]) -> None:
    """A person's zsh: the line is typed, and Tab pressed; of one match the line itself is completed."""
    need.engine("zsh")
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 200, 0, 0))
    environment = {**command, "TERM": "dumb"}
    shell = subprocess.Popen(
        ["zsh", "-f", "-i"], stdin=its, stdout=its, stderr=its, env=environment, start_new_session=True
    )
    os.close(its)
    try:
        os.write(ours, SET_UP.encode())
        _until(ours, {"SETUP"})
        os.write(ours, f"netprobe {' '.join(words)}\t\t".encode())
        _until(ours, expected)
    finally:
        shell.kill()
        shell.wait(10)
        os.close(ours)


def _until(terminal: int, words: set[str]) -> None:
    """Read until all words have been shown."""
    shown, end = "", time.monotonic() + 60
    while not all(re.search(rf"(?<![\w-]){word}(?![\w-])", shown) for word in words):
        ready, _, _ = select.select([terminal], [], [], max(0.0, end - time.monotonic()))
        assert ready, f"{words} are not in {shown!r}"
        shown += os.read(terminal, 65536).decode("utf-8", "replace")


def test_everything_that_exists_is_offered() -> None:
    assert set(complete.targets()) == set(targets.names())
    assert set(complete.scenarios()) == set(SCENARIOS)
    assert set(complete.groups()) == {one.id for one in load().groups}
    assert set(complete.log_formats()) == {*FORMATS, "capture"}
    assert set(complete.ids()) == set(known())
    assert not [one for one in complete.regions() if one.startswith("cn-")]


def test_a_list_is_completed_at_its_end_and_offers_nothing_twice() -> None:
    values = {"control": "", "images": "", "install": ""}
    assert complete.matching(values, "images,i", is_list=True) == [("images,install", "")]
    assert complete.matching(values, "i", is_list=False) == [("images", ""), ("install", "")]
    assert complete.matching(values, "images,i", is_list=False) == []
