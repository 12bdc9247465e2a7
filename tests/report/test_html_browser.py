"""The page in a real Chromium: nothing is loaded, nothing overlaps, everybody can use it, paper keeps cards whole.

Pictures are compared by structure: where the boxes of elements are, never which bytes a picture has. axe-core is run on
every kind of page, on a wide screen and a phone, light and dark, and as it is printed.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from netprobe import catalog
from netprobe.findings import HopAt, Location, Outcome, Owner, Place, RuleOutcome
from netprobe.naming import HostIdentity
from netprobe.observations import Context, VantageRecord
from netprobe.report import render
from netprobe.report.model import Report
from tests.report import picture
from tests.support import need, reports, rootfs
from tests.support.browser import Browser, as_url, chromium
from tests.support.cli import ROOT, netprobe
from tests.support.lab_runs import lab_report

WIDE, PHONE = (1280, 900), (390, 844)
VIEWS = {
    "light": {"wide": WIDE[0], "high": WIDE[1]},
    "dark": {"wide": WIDE[0], "high": WIDE[1], "dark": True},
    "phone": {"wide": PHONE[0], "high": PHONE[1]},
    "dark phone": {"wide": PHONE[0], "high": PHONE[1], "dark": True},
    "print": {"wide": 794, "high": 1123, "media": "print"},
}


def _agents() -> Report:
    """A host whose agents have other settings, in a report that names it."""
    report = lab_report("proxy-forbids")
    one = report.context.vantages[0]
    more = tuple(
        VantageRecord(name=name, proxy=proxy, no_proxy=("169.254.169.254", "10.0.0.0/8"), sources=sources)
        for name, proxy, sources in (
            ("ssm-agent", None, {}),
            (
                "docker",
                "http://proxy.corp.example:3128",
                {"proxy": "/etc/systemd/system/docker.service.d/proxy.conf:2"},
            ),
        )
    )
    identity = HostIdentity(name="web01.fra.example.net", site="fra", labels={"team": "shop"}, addresses=("192.0.2.9",))
    context = msgspec.structs.replace(report.context, vantages=(one, *more))
    return msgspec.structs.replace(report, context=context, host=identity)


def _rules() -> Report:
    """What ``image`` says."""
    outcomes = (Outcome.FAIL, Outcome.PASS, Outcome.WARN, Outcome.NOT_RUN, Outcome.NOT_APPLICABLE)
    rules = tuple(
        RuleOutcome(id=id_, outcome=outcome, title=f"{id_} was judged.", subject="image.tar", not_run="a running host")
        for id_, outcome in zip(
            ("docker_missing", "systemd_missing", "ssm_agent_twice", "clock_unsynchronised", "fips_mode"),
            outcomes,
            strict=True,
        )
    )
    missing = reports.finding(
        "docker_missing",
        owner=Owner.HOST,
        evidence=(),
        endpoints=(),
        hosts=(),
        region=None,
        places=(Place(file="etc/os-release", line=3, text="ID=debian"),),
    )
    return reports.report(
        rules=rules, findings=(missing,), endpoints=(), observations=(), capabilities=(), regions=(), context=Context()
    )


def _ipv6() -> Report:
    """The longest words that a picture of the way holds: long addresses, and more stations than usual."""
    report = reports.located("proxy_unreachable")
    hops = [HopAt(hop=n, address=f"2001:db8:1234:5678:9abc:def0:1234:{n:04x}") for n in (11, 12)]
    at = Location(hop=11, address=hops[0].address, device="firewall", answered=hops[0], suspects=tuple(hops))
    blocked = reports.finding("tls_intercepted", location=at)
    [first] = report.findings
    return msgspec.structs.replace(
        report, findings=(msgspec.structs.replace(first, location=at), blocked), context=_agents().context
    )


def _regions() -> Report:
    """Four regions, one of them broken: a table instead of tiles."""
    report = lab_report("blackhole")
    good = lab_report("healthy")
    names = ("eu-central-1", "eu-west-1", "ap-northeast-1")
    endpoints = [msgspec.structs.replace(one, region=name) for name in names for one in good.endpoints]
    return msgspec.structs.replace(report, regions=("us-east-2", *names), endpoints=(*report.endpoints, *endpoints))


REPORTS = {
    "intercepted": lambda: lab_report("tls-intercepted"),
    "healthy": lambda: lab_report("healthy"),
    "agents": _agents,
    "located": _ipv6,
    "rules": _rules,
    "regions": _regions,
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    need.engine("chromium")
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Report → the address of its page."""
    folder = tmp_path_factory.mktemp("pages")
    urls = {}
    for name, made in REPORTS.items():
        page = render(made(), "html")
        assert isinstance(page, str)
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
        urls[name] = as_url(folder / f"{name}.html")
    return urls


UNFOLD = "document.querySelectorAll('details').forEach(one => one.open = true)"

BOXES = """
(() => {
  const faults = [], wide = document.documentElement.clientWidth;
  const named = one => `${one.tagName}.${one.getAttribute('class') || ''} "${one.textContent.trim().slice(0, 40)}"`;
  const seen = one => one.checkVisibility() && one.getBoundingClientRect().width > 1;
  const whole = document.documentElement.scrollWidth;
  if (whole > wide) faults.push(`scrolls across: ${whole} > ${wide}`);
  for (const one of document.querySelectorAll('body *')) {
    if (one.closest('.scroll, .defs, template, .vh') || !seen(one)) continue;
    const box = one.getBoundingClientRect();
    if (box.left < -1 || box.right > wide + 1) faults.push(`outside: ${named(one)} ${box.left}..${box.right}`);
  }
  const apart = ['body > header, main > section, footer', '.tiles > li', '.chain > li', '.cells > li', '.card',
                 '.facts > div', '.host', '.matrix a.cell', '.rules > li', '.causes > li'];
  for (const which of apart) {
    const boxes = [...document.querySelectorAll(which)].filter(seen).map(one => [one, one.getBoundingClientRect()]);
    for (let a = 0; a < boxes.length; a++) for (let b = a + 1; b < boxes.length; b++) {
      const [one, p] = boxes[a], [two, q] = boxes[b];
      const over = Math.min(p.right, q.right) - Math.max(p.left, q.left);
      const down = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
      if (over > 1 && down > 1) faults.push(`overlap: ${named(one)} and ${named(two)}`);
    }
  }
  for (const station of document.querySelectorAll('svg.way .station')) {
    if (!seen(station.querySelector('rect'))) continue;
    const frame = station.querySelector('rect').getBoundingClientRect();
    for (const words of station.querySelectorAll('text')) {
      const box = words.getBoundingClientRect();
      if (box.width && (box.left < frame.left - 1 || box.right > frame.right + 1 || box.bottom > frame.bottom + 1))
        faults.push(`leaves its station: ${named(words)} ${box.right} > ${frame.right}`);
    }
  }
  for (const words of document.querySelectorAll('svg.fall text')) {
    const time = words.querySelector('tspan.k');
    if (!time || !seen(time)) continue;
    const end = Math.max(...[...words.querySelectorAll('tspan.w')].map(one => one.getBoundingClientRect().right), 0);
    if (end > time.getBoundingClientRect().left) faults.push(`over its time: ${named(words)}`);
  }
  return faults;
})()
"""


@pytest.mark.parametrize("name", REPORTS)
def test_nothing_overlaps_or_leaves_the_screen(browser: Browser, pages: dict[str, str], name: str) -> None:
    for view, how in VIEWS.items():
        browser.open(pages[name], **how)  # type: ignore[arg-type]
        assert browser.run(BOXES) == [], view
        browser.run(UNFOLD)
        assert browser.run(BOXES) == [], f"{view}, unfolded"


def test_the_boxes_can_be_wrong(browser: Browser, pages: dict[str, str]) -> None:
    browser.open(pages["intercepted"], wide=390, high=844)
    browser.run("document.querySelector('h1').style.cssText = 'width: 600px'")
    assert any("outside" in fault for fault in browser.run(BOXES))
    browser.open(pages["intercepted"])
    browser.run("document.querySelectorAll('.tiles > li')[1].style.cssText = 'margin-left: -200px'")
    assert any("overlap" in fault for fault in browser.run(BOXES))


AXE = """
axe.run(document, {resultTypes: ['violations']}).then(found => JSON.stringify(found.violations.map(one =>
  [one.id, one.nodes.slice(0, 3).map(node => node.html.slice(0, 200) + ' ' + node.failureSummary)])))
"""


@pytest.mark.parametrize("name", REPORTS)
def test_axe_finds_nothing(browser: Browser, pages: dict[str, str], name: str) -> None:
    source = need.axe()
    for view, how in VIEWS.items():
        browser.open(pages[name], **how)  # type: ignore[arg-type]
        browser.run(UNFOLD)
        browser.run(f"(() => {{ {source} }})()")
        assert json.loads(browser.run(AXE)) == [], view


def test_axe_can_find_something(browser: Browser, pages: dict[str, str]) -> None:
    source = need.axe()
    browser.open(pages["intercepted"])
    browser.run("document.querySelector('.counts').style.color = '#bbbbbb'")
    browser.run(f"(() => {{ {source} }})()")
    assert [rule for rule, _ in json.loads(browser.run(AXE))] == ["color-contrast"]


def test_a_page_asks_for_nothing_and_breaks_no_policy(browser: Browser, pages: dict[str, str]) -> None:
    for url in pages.values():
        browser.open(url)
        assert browser.asked() == [url]
        assert browser.complaints() == []


def test_the_policy_stops_what_an_escaping_fault_would_let_in(browser: Browser, tmp_path: Path) -> None:
    page = render(lab_report("healthy"), "html")
    assert isinstance(page, str)
    evil = "<script>document.title = 'owned'</script>"
    evil += "<img src='http://127.0.0.1:9/x.png' onerror=\"document.title = 'owned'\">"
    (tmp_path / "evil.html").write_text(page.replace("<main>", f"<main>{evil}"), encoding="utf-8")
    browser.open(as_url(tmp_path / "evil.html"))
    assert "owned" not in browser.run("document.title")
    assert any("Content Security Policy" in text for text in browser.complaints())


def test_dark_and_light_follow_the_reader(browser: Browser, pages: dict[str, str]) -> None:
    def brightness(**how: Any) -> list[int]:
        browser.open(pages["healthy"], **how)
        colours = browser.run(
            "['body', 'section', 'h1'].map((one, at) => getComputedStyle(document.querySelector(one))"
            "[at < 2 ? 'backgroundColor' : 'color'])"
        )
        return [sum(map(int, re.findall(r"\d+", colour)[:3])) // 3 for colour in colours]

    back, paper, ink = brightness()
    assert min(back, paper) > 230
    assert ink < 60
    back, paper, ink = brightness(dark=True)
    assert max(back, paper) < 40
    assert ink > 200
    # Paper is white, whatever the reader's screen is.
    back, paper, ink = brightness(dark=True, media="print")
    assert min(back, paper) == 255
    assert ink < 60


@pytest.mark.parametrize("name", ["intercepted", "regions"])
def test_a_mark_opens_its_evidence_by_keyboard(browser: Browser, pages: dict[str, str], name: str) -> None:
    browser.open(pages[name])
    href = browser.run(
        "(() => { const all = [...document.querySelectorAll('a.cell')], one = all[all.length - 1];"
        " one.focus(); return one.getAttribute('href') })()"
    )
    inside = f"document.querySelector('{href}')"
    assert browser.run(f"{inside}.checkVisibility()") is False
    browser.press("Enter", 13, text="\r")
    assert browser.run(f"new Promise(done => setTimeout(() => done({inside}.checkVisibility()), 300))") is True
    assert browser.run(f"{inside}.querySelectorAll('.host').length") > 0


def test_every_link_and_fold_is_reached_with_the_tabulator_and_shows_its_focus(
    browser: Browser, pages: dict[str, str]
) -> None:
    browser.open(pages["intercepted"])
    wanted = browser.run("document.querySelectorAll('a, summary, .scroll').length")
    visible = browser.run(
        "[...document.querySelectorAll('a, summary, .scroll')].filter(one => one.checkVisibility()).length"
    )
    assert 0 < visible <= wanted
    reached = []
    for _ in range(visible):
        browser.press("Tab", 9)
        reached.append(
            browser.run(
                "(() => { const one = document.activeElement; one.dataset.seen = 1;"
                " return [one.tagName, getComputedStyle(one).outlineStyle] })()"
            )
        )
    assert browser.run("document.querySelectorAll('[data-seen]').length") == visible
    assert {tag for tag, _ in reached} == {"A", "SUMMARY", "DIV"}
    assert {outline for _, outline in reached} == {"solid"}


@pytest.mark.parametrize(("paper", "wide", "high"), [("A4", 8.27, 11.69), ("Letter", 8.5, 11.0)])
def test_paper_keeps_each_card_on_one_sheet(
    browser: Browser, pages: dict[str, str], tmp_path: Path, paper: str, wide: float, high: float
) -> None:
    need.engine("pdftotext")
    for name in ("intercepted", "agents", "rules"):
        browser.open(pages[name])
        file = tmp_path / f"{name}.pdf"
        file.write_bytes(browser.printed(wide=wide, high=high))
        done = subprocess.run(["pdftotext", "-layout", str(file), "-"], capture_output=True, timeout=60, check=True)
        sheets = [" ".join(sheet.split()) for sheet in done.stdout.decode("utf-8").split("\f")]
        assert len(sheets) > 1, paper
        begins = [number for number, sheet in enumerate(sheets) for _ in range(len(re.findall("How sure", sheet)))]
        ends = [number for number, sheet in enumerate(sheets) for _ in range(len(re.findall("The way back", sheet)))]
        explained = [n for n, sheet in enumerate(sheets) for _ in range(len(re.findall("Explained:", sheet)))]
        assert begins == ends == explained != [], (paper, name, begins, ends, explained)


def _long() -> Report:
    """A small card, and then one whose change names more than a sheet has room for."""
    report = lab_report("tls-intercepted")
    [finding, *_] = report.findings
    regions = [region.id for region in catalog.load().regions if region.partition.id == "aws"][:20]
    endpoints = [
        msgspec.structs.replace(one, region=region, pattern=one.pattern.replace("us-east-2", region))
        for region in regions
        for one in report.endpoints
    ]
    small = reports.finding("docker_missing", owner=Owner.HOST, evidence=(), endpoints=(), hosts=(), region=None)
    everywhere = msgspec.structs.replace(finding, region=None)
    return msgspec.structs.replace(
        report, regions=tuple(regions), endpoints=tuple(endpoints), findings=(small, everywhere)
    )


def _sheets(file: Path) -> list[tuple[float, list[tuple[float, float, str]]]]:
    """Each sheet of a PDF: how high it is, and its lines with where they begin and end, from the top."""
    done = subprocess.run(
        ["pdftotext", "-bbox-layout", str(file), "-"], capture_output=True, timeout=60, check=True, text=True
    )
    found = []
    for sheet in re.findall(r"<page.*?</page>", done.stdout, re.DOTALL):
        high = float(re.search(r'height="([\d.]+)"', sheet)[1])  # type: ignore[index]
        lines = [
            (float(top), float(bottom), " ".join(re.findall(r"<word[^>]*>(.*?)</word>", words)))
            for top, bottom, words in re.findall(
                r'<line [^>]*yMin="([\d.]+)"[^>]*yMax="([\d.]+)">(.*?)</line>', sheet, re.DOTALL
            )
        ]
        found.append((high, lines))
    return found


@pytest.mark.parametrize(("wide", "high"), [(8.27, 11.69), (8.5, 11.0)], ids=("A4", "Letter"))
def test_a_card_longer_than_a_sheet_is_divided_within_its_list_alone(
    browser: Browser, tmp_path: Path, wide: float, high: float
) -> None:
    need.engine("pdftotext")
    report = _long()
    (tmp_path / "long.html").write_text(str(render(report, "html")), encoding="utf-8")
    browser.open(as_url(tmp_path / "long.html"))
    (tmp_path / "long.pdf").write_bytes(browser.printed(wide=wide, high=high))
    sheets = _sheets(tmp_path / "long.pdf")
    margin = 14 / 25.4 * 72
    for tall, lines in sheets:
        assert all(top >= margin - 1 and bottom <= tall - margin + 1 for top, bottom, _ in lines)  # no line is cut

    def on(words: str) -> list[int]:
        return [number for number, (_, lines) in enumerate(sheets) if any(words in line for _, _, line in lines)]

    names = {f"{one.pattern} TCP {one.port}" for one in report.endpoints}
    listed = [[line for _, _, line in lines if line.endswith("TCP 443")] for _, lines in sheets]
    divided = [number for number, some in enumerate(listed) if some]
    first, last = divided[0], divided[-1]
    assert last > first, "it fits a sheet: nothing was shown"
    # Its head stands together, with some of its list, behind the card before it where the sheet has room for that.
    headline = on("TLS is intercepted by a CA that this host does not trust")[-1]
    assert headline == on("How sure")[-1] == on("To copy")[-1] == first
    assert headline - on("Something about docker_missing.")[-1] in (0, 1)
    if high > 11.5:  # on A4, two thirds of a sheet are left
        assert headline == on("Something about docker_missing.")[-1]
    # Each sheet that holds a part of the list holds some lines of it, and the end stands together.
    assert min(len(some) for some in listed if some) >= 4
    assert (
        on("Remove the exemption")
        == on("The inspecting device no longer sees")
        == on("Explained: netprobe explain tls")
    )
    assert on("Remove the exemption")[0] - last in (0, 1)
    together = "".join(line for _, lines in sheets for _, _, line in lines).replace(" ", "")
    assert all(name.replace(" ", "") in together for name in names)


# --- the same look for host, image, workload and gate ----------------------------------------------------------------

BAD_TASK = {
    "family": "web",
    "networkMode": "awsvpc",
    "containerDefinitions": [{"name": "web", "image": "nginx:1.27", "essential": True, "memory": 128}],
}
GOOD_TASK = {**BAD_TASK, "family": "batch", "networkMode": "bridge"}
GATE = """
[gate]
image = "root"
workloads = ["bad.json", "good.json"]
regions = ["us-east-2"]

[[waiver]]
finding = "selinux_enforcing"
reason = "hardening profile of 2026"
owner = "platform@corp.example"
expires = 2027-01-31
"""
LAB = ("--lab", "tls-intercepted-trusted", "--today", "2026-11-29")


@pytest.mark.parametrize(
    ("command", "head", "owner", "seen"),
    [
        (("host", "--label", "site=fra"), "This host ", "Host", ("site fra", "the network no endpoint was probed")),
        (("image", "root"), "root will not work with Amazon ECS Anywhere.", "Host", ("selinux_enforcing",)),
        (("workload", "bad.json", "good.json"), "What was judged will not work", "Task definition", ("awsvpc",)),
        (
            ("gate", *LAB),
            "This host will not work with Amazon ECS Anywhere in us-east-2.",
            "Task definition",
            (
                "Accepted for now",
                "Waived until 2027-01-31 by platform@corp.example: hardening profile of 2026",
                "TLS is intercepted by a CA that this host trusts",
                "ecs-a",
            ),
        ),
    ],
    ids=("host", "image", "workload", "gate"),
)
def test_each_command_makes_a_page_that_everybody_can_read(
    browser: Browser, tmp_path: Path, command: tuple[str, ...], head: str, owner: str, seen: tuple[str, ...]
) -> None:
    """Run as people run it, with what passes and what fails on one page: wide, dark and narrow, printed, unfolded."""
    rootfs.make(tmp_path / "root", {"etc/selinux/config": "SELINUX=enforcing\n"})
    (tmp_path / "bad.json").write_text(json.dumps(BAD_TASK))
    (tmp_path / "good.json").write_text(json.dumps(GOOD_TASK))
    (tmp_path / "netprobe.toml").write_text(GATE)
    ended = netprobe(*command, "--format", "html", "-o", "page.html", cwd=tmp_path)
    assert ended.code in ((0, 1, 4) if command[0] == "host" else (1,)), ended.err
    url, axe = as_url(tmp_path / "page.html"), need.axe()
    for view in ("light", "dark phone", "print"):
        browser.open(url, **VIEWS[view])  # type: ignore[arg-type]
        assert browser.run(BOXES) == [], view
        browser.run(UNFOLD)
        assert browser.run(BOXES) == [], f"{view}, unfolded"
        browser.run(f"(() => {{ {axe} }})()")
        assert json.loads(browser.run(AXE)) == [], view
    assert (browser.asked(), browser.complaints()) == ([url], [])
    told = " ".join(browser.run("document.body.innerText").split())
    assert browser.run("document.querySelector('h1').innerText").startswith(head)
    assert owner in browser.run("[...document.querySelectorAll('.tile .owner')].map(one => one.innerText)")
    for words in seen:
        assert words in told, words
    assert "What passes" in told
    passes = browser.run("[...document.querySelectorAll('#h-appendix ~ details tbody tr')].length")
    assert passes > 3
    if command[0] != "host":  # this machine may be a good one
        assert browser.run("document.querySelectorAll('.card.fail').length") > 0


def test_the_picture_in_the_readme_shows_the_page_of_today(browser: Browser, tmp_path: Path) -> None:
    """Where this fails, the page has changed: python -m tests.report.picture takes the picture again."""
    written = json.loads(picture.SHOWN.read_text(encoding="utf-8"))
    assert hashlib.sha256(picture.PICTURE.read_bytes()).hexdigest() == written["sha256"]
    seen = picture.structure(browser, picture.page(tmp_path))
    told = [[(one["element"], one["words"]) for one in some] for some in (written["shown"], seen)]
    assert told[0] == told[1]
    for before, now in zip(written["shown"], seen, strict=True):
        # Fonts differ from machine to machine by some pixels a line; a layout does not.
        assert all(abs(a - b) <= 24 for a, b in zip(before["box"], now["box"], strict=True)), (before, now)
    head = written["shown"][0]["box"]
    image = picture.PICTURE.read_bytes()
    assert (image[:4], image[8:12]) == (b"RIFF", b"WEBP")
    assert len(image) < 48_000
    assert abs(int.from_bytes(image[26:28], "little") - head[2]) <= 1
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.count("](.github/report.webp)") == 1


def test_a_picture_can_be_taken(browser: Browser, pages: dict[str, str]) -> None:
    """For people; what it shows is held by the boxes above."""
    browser.open(pages["intercepted"], wide=1200, high=700)
    taken = browser.picture()
    assert taken.startswith(b"\x89PNG")
    assert len(taken) > 20_000
