"""The manual as a site: every page is in it, no link is dead, and its search works from a folder, without a network."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from netprobe import catalog, manual, messages
from netprobe.catalog import history
from netprobe.cli import docs
from netprobe.cli.commands import COMMANDS
from netprobe.cli.main import run as netprobe
from netprobe.errors import UsageError
from netprobe.handbook import pages, site
from netprobe.handbook.model import CommandPage, Option, PageKind
from tests.support import need
from tests.support.browser import as_url, chromium
from tests.support.cli import ROOT
from tests.support.some import some


@cache
def made() -> dict[str, str]:
    return pages.pages(docs.kinds(), tuple(docs.commands()), catalog.load())


def test_everything_that_is_explained_has_a_page() -> None:
    found = made()
    for kind, (titles, _) in some(docs.kinds().items()):
        assert f"{kind}/index.md" in found
        for id_ in titles:
            # Reports lead to findings/ID/, for findings and rules alike.
            own = [f"findings/{id_}/index.md"] if kind in ("findings", "rules") else []
            assert any(path in found for path in (*own, f"{kind}/{id_}.md", f"findings/{id_}/index.md")), (kind, id_)
            assert not own or own[0] in found


def test_the_navigation_has_each_page_once() -> None:
    told = [path for _, paths in pages.navigation(made(), docs.kinds()) for path in paths]
    assert sorted(told) == sorted(made())


def test_the_catalog_names_purpose_source_and_day_of_every_endpoint_and_every_region() -> None:
    page = made()["endpoints/catalog.md"]
    table = page.partition("## Endpoints")[2].splitlines()
    known = catalog.load()
    for endpoint in known.endpoints(known.region("us-east-2")):
        row = next(line for line in table if line.startswith(f"| [`{endpoint.id}`]"))
        for value in (endpoint.purpose, endpoint.source, endpoint.checked):
            assert pages.cell(str(value)) in row
    for region in known.regions:
        assert (f"`{region.id}`" in page) == (region.support.value != "refused")


def test_each_endpoint_has_its_history_and_the_catalog_has_every_change() -> None:
    told, known = history.current(), catalog.load()
    table = made()["endpoints/catalog.md"].partition("## History")[2]
    assert f"begins with the catalog of {told.first.version}" in table
    for change in told.changes:
        words = (f"| {change.version} |", f"`{change.subject}`", f"| {change.kind} |")
        cells = tuple(pages.cell(text) for text in (change.reason, change.impact, change.source))
        assert any(all(word in line for word in (*words, *cells)) for line in table.splitlines()), change
    subjects = {entry.id: entry.ids for entry in known.entries}
    there = {endpoint.id for endpoint in known.endpoints(known.region("us-east-2"))}
    checked = 0
    for change in told.changes:
        for id_ in set(subjects.get(change.subject, ())) & there:
            page = made()[f"endpoints/{id_}.md"].partition("## History")[2]
            told_of_it = " ".join((change.version, change.reason, change.impact, change.source))
            assert all(word in page for word in told_of_it.split()), (id_, change)
            checked += 1
    assert checked >= 5
    # One that never changed says since when it is there, and that nobody looked before that.
    assert f"in the catalog since {told.first.version}, with which the history begins" in made()["endpoints/ssm.md"]


def test_every_message_of_an_agent_is_there_with_its_source() -> None:
    page = made()["messages.md"]
    for one in some(messages.messages()):
        assert one.text in page
        assert one.source in page


def test_every_command_has_its_options_and_arguments_as_its_help_says_them() -> None:
    found = made()
    for name in COMMANDS:
        assert f"commands/{name}.md" in found
    check = found["commands/check.md"]
    for option in ("-r, --region REGION", "--lab", "--report"):
        assert f"`{option}" in check
    assert "commands/docs-build.md" in found
    assert "`DIR`" in found["commands/docs-build.md"]


def test_the_text_of_a_command_is_no_markup() -> None:
    command = CommandPage(
        name="x",
        summary="s",
        help=("a *b* <i> [c](http://x)",),
        arguments=(),
        options=(Option(names="--x", value="A|B", help="_x_ `y`"),),
    )
    found = pages.pages({kind: PageKind({}, str) for kind in pages.SECTIONS}, [command], catalog.load())[
        "commands/x.md"
    ]
    assert r"a \*b\* \<i\> \[c\](http://x)" in found
    assert r":   \_x\_ \`y\`" in found


def test_ids_become_links_but_not_in_blocks_headings_or_on_their_own_page() -> None:
    places = {"tcp_dropped": "findings/tcp_dropped/index.md", "ssm": "endpoints/ssm.md"}
    text = "# `ssm`\n\nsee `tcp_dropped` and `other`, [`ssm`](x.md)\n\n    `ssm`\n\n```\n`ssm`\n```\n`ssm`"
    assert (
        pages.linked(text, "findings/tcp_dropped/index.md", places)
        == text[: -len("`ssm`")] + "[`ssm`](../../endpoints/ssm.md)"
    )
    assert "[`tcp_dropped`](findings/tcp_dropped/index.md)" in pages.linked(text, "index.md", places)


def test_commands_of_the_recipes_exist() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", made()["recipes.md"], re.DOTALL)
    lines = [line.split() for block in blocks for line in block.splitlines()]
    named = [words[words.index("netprobe") + 1] for words in lines if "netprobe" in words]
    named = [name for name in named if not name.startswith("--")]
    assert set(named) <= set(COMMANDS)
    assert len(named) > 8


def test_dead_links_and_foreign_loads_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<h1 id="here">x</h1><a href="b.html">1</a><a href="b.html#there">2</a><a href="#here">3</a>'
        '<a href="gone.html">4</a><a href="#gone">5</a><a href="https://example.com/">6</a><script src="https://example.com/x.js"></script>'
    )
    (tmp_path / "b.html").write_text("<p id=other>")
    assert sorted(site.dead_links(tmp_path)) == [
        "a.html: #gone",
        "a.html: b.html#there",
        "a.html: gone.html",
        "a.html: https://example.com/x.js",
    ]


def test_without_zensical_the_command_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert netprobe(["docs", "build", str(tmp_path / "site")]) == 2
    assert "pip install 'netprobe-ecs[docs]'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_somebody_else_stays_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert netprobe(["docs", "build", str(tmp_path)]) == 2
    assert "is no empty folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_dead_link_fails_the_build_and_leaves_what_was_there(tmp_path: Path) -> None:
    few = {"index.md": "# Start\n\n[there](recipes.md)\n", "recipes.md": "# Recipes\n\n[nowhere](gone.md)\n"}
    folder = tmp_path / "site"
    with pytest.raises(UsageError, match="lead nowhere"):
        site.build(few, [("All", list(few))], folder)
    assert not folder.exists()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("manual") / "site"
    assert netprobe(["docs", "build", str(folder)]) == 0
    return folder


def test_the_site_is_whole_and_loads_nothing_from_elsewhere(built: Path) -> None:
    assert list(site.dead_links(built)) == []
    there = {str(path.relative_to(built)) for path in built.rglob("*.html")}
    assert {path.removesuffix(".md") + ".html" for path in made()} <= there
    assert sum(path.stat().st_size for path in built.rglob("*")) < 40_000_000
    # Built again it takes the place of the one before.
    assert site._is_ours(built)


def test_every_alert_leads_to_its_runbook(built: Path) -> None:
    rules = (ROOT / "netprobe/deploy/prometheus/netprobe.rules.yml").read_text()
    urls = re.findall(r"runbook_url: (\S+)", rules)
    assert len(urls) == rules.count("- alert:") > 5
    for url in urls:
        path, _, anchor = url.removeprefix(manual.BASE).partition("#")
        page = (built / path / "index.html").read_text(encoding="utf-8")
        assert re.search(rf'<h3[^>]* id="?{anchor}"?[ >]', page), url


def test_the_search_works_from_the_folder(built: Path) -> None:
    need.engine("chromium")
    with chromium() as browser:
        browser.open(as_url(built / "index.html"))
        browser.run("new Promise(done => setTimeout(done, 1000))")
        browser.press("/", 191, text="/")
        browser.run("new Promise(done => setTimeout(done, 500))")
        browser.call("Input.insertText", text="certificate signed by unknown authority")
        words = """new Promise(done => { let left = 40; const texts = [];
          const silent = ['STYLE', 'SCRIPT'];
          const walk = one => { if (one.shadowRoot) walk(one.shadowRoot); for (const inner of one.childNodes)
            inner.nodeType === 3 ? texts.push(inner.data) : silent.includes(inner.tagName) || walk(inner) };
          const look = () => { texts.length = 0; walk(document.body); const all = texts.join(' ');
            /\\d+ results?/.test(all) || !left-- ? done(all) : setTimeout(look, 250) }; look() })"""
        told = browser.run(words)
        assert re.search(r"[1-9]\d* results?", told), told[-300:]
        assert "What agents say" in told
        assert [url for url in browser.asked() if not url.startswith(("file:", "data:"))] == []
