"""An engine that keeps running while what it reads changes: loaded, replaced and rolled back as its page tells.

The page's commands are typed into a real shell inside the namespace. What belongs to the machine alone differs: the
folder of the engine is the test's own; programs get the test's configuration by small scripts on PATH; ``systemctl``
runs what Debian's unit says for the verb; and ``netprobe render … -o PLACE`` puts a render there that the test made.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from netprobe.render import Rendered, targets
from tests.support import need
from tests.support.render_engine import Namespace, as_user, engine
from tests.support.site import Question

_UNITS = Path("/lib/systemd/system")


def blocks(target: str, section: str) -> list[str]:
    """The indented blocks of a section of a page, each as it would be typed."""
    told = targets.page(target).partition(f"## {section}\n")[2].partition("\n## ")[0]
    found = re.findall(r"(?:^    .*\n?)+", told, re.MULTILINE)
    assert found, f"the page of {target} tells no command under {section}"
    return [re.sub(r"^    ", "", one, flags=re.MULTILINE) for one in found]


class Running:
    """One engine of a site.

    Attributes:
        space: where it runs.
        folder: what stands for the engine's own folder.
        here: the folder of the engine that the page speaks of.
        log: what it prints.
    """

    def __init__(self, space: Namespace, folder: Path, *, here: str, user: str) -> None:
        """An engine that does not run yet.

        Args:
            space: where it will run.
            folder: the test's own folder.
            here: the folder that the page speaks of, such as ``/etc/squid``.
            user: whose the files are.
        """
        self.space, self.folder, self.here, self._user = space, folder, here, user
        self.log = folder / "out.log"
        self._bin = folder / "bin"
        self._bin.mkdir()
        self._rendered, self._main = folder / "rendered", folder / "rendered.main"
        self._stack = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        copies = f'*/) mkdir -p "$last"; cp -r {self._rendered}/. "$last" ;;\n*) cp {self._main} "$last" ;;'
        self.program("netprobe", f'for last; do :; done\ncase "$last" in\n{copies}\nesac\n')

    def __enter__(self) -> Self:
        """The site itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the engine, and whatever serves it."""
        self.end()

    @property
    def runs(self) -> bool:
        """Whether it was started."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """Its main process."""
        assert self._process is not None
        # nsenter becomes the engine, so its number is the engine's.
        return self._process.pid

    def end(self) -> None:
        """Stop the engine."""
        self._stack.close()
        self._process = None

    def beside(self, other: contextlib.AbstractContextManager[object]) -> None:
        """Something that stands beside the engine until the end."""
        self._stack.enter_context(other)

    def program(self, name: str, script: str) -> None:
        """Put a small script on the PATH of what is typed."""
        path = self._bin / name
        path.write_text(f"#!/bin/sh\n{script}", encoding="utf-8")
        path.chmod(0o755)

    def with_configuration(self, name: str, *options: str) -> Path:
        """The real program, with the test's configuration behind its name."""
        program = need.engine(name)
        self.program(name, f'exec {program} {" ".join(options)} "$@"\n')
        return program

    def unit(self, name: str, words: Mapping[str, str]) -> None:
        """``systemctl reload NAME`` does what Debian's unit of that name says.

        Args:
            name: the unit.
            words: what the unit's variables, or programs, stand for here.
        """
        text = (_UNITS / f"{name}.service").read_text(encoding="utf-8")
        lines = re.findall(r"^ExecReload=(.+)$", text, re.MULTILINE)
        assert lines, f"the unit {name} cannot reload"
        script = "\n".join(lines)
        for word, meant in words.items():
            script = script.replace(word, meant)
        self.program("systemctl", f'set -eu\ntest "$*" = "reload {name}"\n{script}\n')

    def start(self, argv: list[str], ready: Callable[[], bool]) -> None:
        """Run it in the foreground."""
        as_user(self.folder, self._user)
        self._process = self._stack.enter_context(engine(argv, space=self.space, ready=ready, log=self.log))

    def rendered(self, made: Rendered, change: Callable[[str], str] = str) -> None:
        """What the next ``netprobe render`` writes."""
        shutil.rmtree(self._rendered, ignore_errors=True)
        self._rendered.mkdir()
        for name, text in made.files.items():
            told = change(text).replace(self.here, str(self.folder))
            (self._rendered / name).write_text(told, encoding="utf-8")
        self._main.write_text(change(made.main).replace(self.here, str(self.folder)), encoding="utf-8")

    def type(self, script: str, *, name: str = "netprobe", check: bool = True) -> str:
        """Type commands of a page, and give back what they say.

        Args:
            script: the commands.
            name: the stem of the render, where it is not the page's.
            check: whether it must go well.
        """
        told = re.sub("netprobe(?! render)", name, script).replace(self.here, str(self.folder))
        path = f"{self._bin}:{os.environ['PATH']}"
        as_user(self.folder, self._user)
        mine = [f"MAINPID={self.pid}"] if self.runs else []
        done = self.space.run("env", f"PATH={path}", *mine, "sh", "-euc", told, check=check)
        return done.stdout + done.stderr

    def waits(self, done: Callable[[], bool], limit: float = 20.0) -> None:
        """Wait until the running engine has taken what it was told."""
        deadline = time.monotonic() + limit
        while not done():
            assert self._process is not None
            assert self._process.poll() is None, self.log.read_text(errors="replace")[-3000:]
            assert time.monotonic() < deadline, self.log.read_text(errors="replace")[-3000:]
            time.sleep(0.02)


class Told(Running):
    """A site whose engine keeps running: a render is loaded, replaced and rolled back by the commands of its page."""

    target = ""
    name = "netprobe"
    place = "netprobe/"
    """Where the first render goes, beneath the engine's folder."""
    old = "NAME.old"
    """Where a replacement leaves what was before."""
    _loaded = False

    def ask(self, made: Rendered | None, asked: Sequence[Question]) -> Mapping[Question, bool]:
        """The decisions with a render, or without one."""
        self.put(made)
        return self.again(asked)

    def again(self, asked: Sequence[Question]) -> Mapping[Question, bool]:
        """The decisions as it runs now."""
        raise NotImplementedError

    def put(self, made: Rendered | None) -> None:
        """Load or replace a render, or roll the last replacement back and take the first one out."""
        if made is None:
            if self._loaded:
                self.roll_back()
                self.configure(None)
                self._loaded = False
                self.takes(self.reload)
        elif self._loaded:
            self.rendered(made, self.change)
            self.takes(self._block("Replace"))
        else:
            self.name = made.name
            self.rendered(made, self.change)
            self.type(f"netprobe render {self.target} -o {self.here}/{self.place}", name=self.name)
            self.configure(made)
            self._loaded = True
            if self.runs:
                self.takes(self.reload)
        if not self.runs:
            self.configure(made)
            self.begin()

    def roll_back(self) -> None:
        """The folder of before, where one was replaced."""
        if (self.folder / self.old.replace("NAME", self.name)).exists():
            self.takes(self._block("Roll back"))

    @property
    def reload(self) -> str:
        """The command that lets the engine read its files again, which the page tells under Load too."""
        command = self._block("Replace").splitlines()[-1]
        assert f"{command}\n" in blocks(self.target, "Load")
        return command

    def takes(self, script: str) -> None:
        """Type it, and wait until the engine has taken it."""
        before = self.taken()
        self.type(script, name=self.name)
        self.waits(lambda: self.taken() > before)

    def _block(self, section: str) -> str:
        return blocks(self.target, section)[0]

    def logged(self, words: str, name: str = "out.log") -> int:
        """How often a log says it."""
        path = self.folder / name
        return path.read_text(encoding="utf-8", errors="replace").count(words) if path.exists() else 0

    def change(self, text: str) -> str:
        """What is the machine's own in a file."""
        return text

    def configure(self, made: Rendered | None) -> None:
        """Write the site's own configuration, with the render as its page tells."""
        raise NotImplementedError

    def begin(self) -> None:
        """Start the engine."""
        raise NotImplementedError

    def taken(self) -> int:
        """How often the engine has taken a configuration."""
        raise NotImplementedError
