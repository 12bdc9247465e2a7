"""From Markdown to a site that works from a folder: build, mend the search, refuse dead links.

Zensical runs as a program of its own. A folder is written beside the one that was asked for and takes its place only
when all is well, so that a failed build leaves what was there.
"""

from __future__ import annotations

import html.parser
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote, urlsplit

from netprobe.errors import UsageError

SECONDS = 300
"""The longest that a build may take."""
_WORKER = "assets/javascripts/netprobe-worker.js"
_SHIM = re.compile(r'src="https://unpkg\.com/iframe-worker/shim"')


def build(pages: Mapping[str, str], sections: Sequence[tuple[str, Sequence[str]]], folder: Path) -> int:
    """Build the site.

    Args:
        pages: path → Markdown.
        sections: the headings of the navigation with their pages.
        folder: where to put it; made anew.

    Returns:
        The number of pages.

    Raises:
        UsageError: Zensical is missing or fails, the folder holds something else, a link leads nowhere.
    """
    if importlib.util.find_spec("zensical") is None:
        raise UsageError("netprobe docs", "needs Zensical, which is not installed", "pip install 'netprobe-ecs[docs]'")
    if folder.exists() and not _is_ours(folder):
        raise UsageError(str(folder), "is no empty folder and no site of netprobe's", "name another folder")
    with tempfile.TemporaryDirectory(prefix="netprobe-docs-") as temporary:
        work = Path(temporary)
        _write(pages, sections, work)
        _run(work)
        site = work / "site"
        _mend(site)
        dead = sorted(dead_links(site))
        if dead:
            raise UsageError("netprobe docs", f"{len(dead)} links lead nowhere, the first: {dead[0]}", "report it")
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(beside, ignore_errors=True)
        shutil.copytree(site, beside)
        if folder.exists():
            shutil.rmtree(folder)
        beside.rename(folder)
    return len(pages)


def _is_ours(folder: Path) -> bool:
    return folder.is_dir() and (not any(folder.iterdir()) or (folder / _WORKER).is_file())


def _write(pages: Mapping[str, str], sections: Sequence[tuple[str, Sequence[str]]], work: Path) -> None:
    for path, text in pages.items():
        file = work / "docs" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (work / "zensical.toml").write_text(_settings(sections), encoding="utf-8")


def _settings(sections: Sequence[tuple[str, Sequence[str]]]) -> str:
    """The configuration: no fonts or icons of others, addresses that are files, a search that is one, too.

    Strings of JSON are strings of TOML (both escape alike what ids and headings hold).
    """
    entries = [f"{{ {json.dumps(heading)} = {json.dumps(list(paths))} }}" for heading, paths in sections]
    return "\n".join(
        [
            "[project]",
            'site_name = "netprobe"',
            'site_description = "Will this server work with Amazon ECS Anywhere?"',
            "use_directory_urls = false",
            f"nav = [{', '.join(entries)}]",
            "[project.plugins.offline]",
            "[project.theme]",
            "font = false",
            'features = ["navigation.indexes", "navigation.prune", "navigation.tabs", "search.highlight"]',
            "[[project.theme.palette]]",
            'media = "(prefers-color-scheme: light)"',
            'scheme = "default"',
            "[[project.theme.palette]]",
            'media = "(prefers-color-scheme: dark)"',
            'scheme = "slate"',
            "[project.markdown_extensions.def_list]",
            "[project.markdown_extensions.tables]",
            "[project.markdown_extensions.pymdownx.superfences]",
            "",
        ]
    )


def _run(work: Path) -> None:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "zensical", "build", "--clean"],
            cwd=work,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as exc:
        raise UsageError("netprobe docs", f"Zensical did not end within {SECONDS} s", "try again") from exc
    if done.returncode != 0 or not (work / "site" / "index.html").is_file():
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["it says nothing"]
        raise UsageError("netprobe docs", f"Zensical failed ({last[0][:200]})", "see that its version is current")


def _mend(site: Path) -> None:
    """Take the one script that pages would ask a server of others for out of the package."""
    script = (files("netprobe.handbook") / "worker.js").read_text(encoding="utf-8")
    (site / _WORKER).write_text(script, encoding="utf-8")
    for page in site.rglob("*.html"):
        up = "../" * (len(page.relative_to(site).parts) - 1)
        text = page.read_text(encoding="utf-8")
        page.write_text(_SHIM.sub(f'src="{up}{_WORKER}"', text), encoding="utf-8")


class _Page(html.parser.HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = {"", "__top"}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.anchors.add(value)
            elif name == "href" and value and tag == "a":
                self.links.append(value)
            elif value and (name == "src" or (name == "href" and tag == "link")):
                self.loads.append(value)


def _read(page: Path) -> _Page:
    read = _Page()
    read.feed(page.read_text(encoding="utf-8"))
    return read


def dead_links(site: Path) -> Iterator[str]:
    """Links to files or anchors that the site does not have, and whatever a page would load from elsewhere.

    Args:
        site: the built site.

    Returns:
        ``PAGE: LINK`` for each.
    """
    pages = {path: _read(path) for path in site.rglob("*.html")}
    for path, page in pages.items():
        # The page for addresses that do not exist is shown at any of them: its links begin at the root.
        if path.name == "404.html":
            continue
        for link in (*page.links, *page.loads):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if link in page.loads and parts.scheme != "data":
                    yield f"{path.relative_to(site)}: {link}"
                continue
            place = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            there = place / "index.html" if place.is_dir() else place
            known = pages.get(there)
            if not there.is_file() or (known is not None and unquote(parts.fragment) not in known.anchors):
                yield f"{path.relative_to(site)}: {link}"
