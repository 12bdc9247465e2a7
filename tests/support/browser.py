"""A real Chromium, spoken to over a pipe: no driver and no port, so nothing else on the machine can reach it.

The protocol is Chromium's own (DevTools, ``--remote-debugging-pipe``): JSON texts, each ended by a NUL, on the file
descriptors 3 and 4. Only what the tests of pages need is here: open a page, set its size and its media, run a script
in it, print it, take a picture. Pages come from files or from
loopback; Chromium is started so that it asks nobody else.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-default-apps"),
    *("--hide-scrollbars", "--force-color-profile=srgb", "--remote-debugging-pipe", "--disable-dev-shm-usage"),
    # Whatever a page or Chromium itself would ask for finds nobody: only files and loopback are read.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
SECONDS = 60.0
"""How long one command may take, on a machine that others use too."""


def program() -> str | None:
    """Where Chromium is."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """A running Chromium with one tab."""

    def __init__(self, process: subprocess.Popen[bytes], read: int, write: int) -> None:
        self._process = process
        self._read, self._write = read, write
        self._left = b""
        self._number = 0
        self._session = ""
        self.said: list[dict[str, Any]] = []
        """Every event that came meanwhile: requests, messages of the console."""

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Give one command and wait for its answer.

        Raises:
            AssertionError: Chromium refuses it, or does not answer.
        """
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer)
                result: dict[str, Any] = answer["result"]
                return result
            self.said.append(answer)

    def _next(self) -> dict[str, Any]:
        until = time.monotonic() + SECONDS
        while b"\0" not in self._left:
            ready, _, _ = select.select([self._read], [], [], max(until - time.monotonic(), 0.0))
            assert ready, f"Chromium says nothing for {SECONDS:g} s"
            data = os.read(self._read, 1 << 20)
            assert data, f"Chromium ended with {self._process.wait(10)}"
            self._left += data
        text, _, self._left = self._left.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message

    def attach(self) -> None:
        """Open the one tab."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def wait_for(self, method: str) -> dict[str, Any]:
        """Wait for an event that has not come yet."""
        while True:
            message = self._next()
            self.said.append(message)
            if message.get("method") == method:
                return message

    def open(self, url: str, *, wide: int = 1280, high: int = 900, media: str = "", dark: bool = False) -> None:
        """Load a page at a size, on a screen or for print, light or dark."""
        self.said.clear()
        self.call("Emulation.setDeviceMetricsOverride", width=wide, height=high, deviceScaleFactor=1, mobile=wide < 500)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme, still])
        self.call("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")

    def run(self, script: str, *, timeout: float = SECONDS) -> Any:
        """Evaluate an expression in the page (a promise is waited for); what it gives must be JSON."""
        done = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True, timeout=timeout * 1000
        )
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def press(self, key: str, code: int, *, text: str = "") -> None:
        """Press one key."""
        event = {"key": key, "code": key, "windowsVirtualKeyCode": code, **({"text": text} if text else {})}
        self.call("Input.dispatchKeyEvent", type="keyDown", **event)
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def picture(self, *, whole: bool = False) -> bytes:
        """A PNG of what is seen, or of the whole page."""
        return base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"])

    def webp(self, box: Mapping[str, float], *, quality: int) -> bytes:
        """A WebP picture of a part of what is seen: ``x``, ``y``, ``width`` and ``height`` in pixels."""
        clip = {**{key: box[key] for key in ("x", "y", "width", "height")}, "scale": 1}
        done = self.call("Page.captureScreenshot", format="webp", quality=quality, clip=clip)
        return base64.b64decode(done["data"])

    def printed(self, *, wide: float, high: float) -> bytes:
        """A PDF of the page on paper of a size in inches."""
        done = self.call(
            "Page.printToPDF", paperWidth=wide, paperHeight=high, printBackground=True, preferCSSPageSize=False
        )
        return base64.b64decode(done["data"])

    def asked(self) -> list[str]:
        """The addresses that the page asked for, its own first."""
        return [
            said["params"]["request"]["url"] for said in self.said if said.get("method") == "Network.requestWillBeSent"
        ]

    def complaints(self) -> list[str]:
        """What Chromium logged against the page: violations of its policy, errors."""
        entries = [said["params"]["entry"] for said in self.said if said.get("method") == "Log.entryAdded"]
        return [f"{entry['level']}: {entry['text']}" for entry in entries]


@contextlib.contextmanager
def chromium(environment: Mapping[str, str] | None = None) -> Iterator[Browser]:
    """Start Chromium with an empty profile, and end it and all its children."""
    path = program()
    assert path is not None, "no chromium on PATH"
    ours_read, theirs_write = os.pipe()
    theirs_read, ours_write = os.pipe()
    with tempfile.TemporaryDirectory(prefix="netprobe-chromium-", ignore_cleanup_errors=True) as profile:
        home = {"HOME": profile, "XDG_CONFIG_HOME": profile, "XDG_CACHE_HOME": profile, "DBUS_SESSION_BUS_ADDRESS": ""}
        # Chromium wants its pipe on 3 and 4; a shell puts it there, whatever numbers the pipe has here.
        started = subprocess.Popen(
            [
                "bash",
                "-c",
                f'exec "$0" "$@" 3<&{theirs_read} 4>&{theirs_write}',
                path,
                *_FLAGS,
                f"--user-data-dir={profile}",
            ],
            pass_fds=(theirs_read, theirs_write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **home, **(environment or {})},
            start_new_session=True,
        )
        os.close(theirs_read)
        os.close(theirs_write)
        try:
            browser = Browser(started, ours_read, ours_write)
            browser.attach()
            yield browser
        finally:
            os.close(ours_write)  # Chromium ends by itself when its pipe does
            try:
                started.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(started.pid, 9)
                started.wait(10)
            os.close(ours_read)


def as_url(path: Path) -> str:
    """The address of a file."""
    return path.resolve().as_uri()
