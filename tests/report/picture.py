"""The picture of a report in README.md: the head of a page, and beside it what it shows, so that a test can hold it.

``python -m tests.report.picture`` takes it again (it needs Chromium) after the page has changed.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from netprobe.naming import HostIdentity
from netprobe.observations import CatalogVersion
from netprobe.report import render
from tests.support.browser import Browser, as_url, chromium
from tests.support.cli import ROOT
from tests.support.lab_runs import lab_report

PICTURE = ROOT / ".github" / "report.webp"
SHOWN = Path(__file__).with_name("picture.json")
WIDE, HIGH = 1120, 900
_QUALITY = 80
_HEAD = "document.querySelector('header.head')"
_STRUCTURE = """
[...document.querySelectorAll('header.head, header.head *')].map(one => {
  const box = one.getBoundingClientRect();
  const own = [...one.childNodes].filter(node => node.nodeType === 3).map(node => node.data).join(' ');
  const name = [one.tagName.toLowerCase(), ...one.classList].join('.');
  return {element: name, words: own.trim().replace(/\\s+/g, ' '),
          box: [box.left, box.top, box.width, box.height].map(Math.round)};
})
"""


def page(folder: Path) -> str:
    """Write the page that is shown; its address."""
    report = msgspec.structs.replace(
        lab_report("tls-intercepted"),
        host=HostIdentity(name="web01", site="fra", labels={"rack": "7"}, addresses=("192.0.2.9",), user="root"),
        # What the next run of the lab or release changes is no change of the page.
        started_at="2026-11-29T08:00:00Z",
        duration_seconds=5.6,
        netprobe_version="0.1.0",
        catalog=CatalogVersion(version="2026-11-28", digest="0" * 64, age_days=1),
    )
    file = folder / "report.html"
    file.write_text(str(render(report, "html")), encoding="utf-8")
    return as_url(file)


def structure(browser: Browser, url: str) -> list[dict[str, Any]]:
    """Every element of the head in its order: what it is, its words, its box."""
    browser.open(url, wide=WIDE, high=HIGH)
    found: list[dict[str, Any]] = browser.run(_STRUCTURE)
    return found


def take(browser: Browser, url: str) -> None:
    """Take the picture, and write down what it shows."""
    shown = structure(browser, url)
    PICTURE.write_bytes(browser.webp(browser.run(f"{_HEAD}.getBoundingClientRect().toJSON()"), quality=_QUALITY))
    digest = hashlib.sha256(PICTURE.read_bytes()).hexdigest()
    SHOWN.write_text(
        json.dumps({"sha256": digest, "shown": shown}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made, chromium() as running:
        take(running, page(Path(made)))
