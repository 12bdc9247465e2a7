"""The page of a fleet in a real Chromium: sorted and filtered without network, for everybody, on every screen."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from netprobe.fleet.formats import render
from tests.fleet.test_formats import EVIL, fleet_of
from tests.support import need
from tests.support.browser import Browser, as_url, chromium
from tests.support.fleets import CA, fault, machines

pytestmark = pytest.mark.engine
COLUMNS = "[...document.querySelectorAll('.map thead th[data-h]:not(.hide)')].map(c => c.textContent.split(' · ')[0])"
LINES = "[...document.querySelectorAll('#list tbody tr:not(.hide)')].map(r => r.cells[0].textContent)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    need.engine("chromium")
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    members = machines(random.Random(2), 40)
    for machine in members:
        if machine.proxy == "http://proxy-a:3128":
            machine.faults = [fault("tls_intercepted", cause=CA)]
    members[7].faults = [fault("tcp_dropped", endpoints=("logs",))]
    path = tmp_path_factory.mktemp("page") / "fleet.html"
    shown = render(fleet_of(members, skipped="broken.json", expected=("host0001", "ghost")), "html")
    assert isinstance(shown, str)
    path.write_text(shown)
    return path


def fill(browser: Browser, id: str, value: str) -> None:
    browser.run(
        f"(() => {{ const e = document.getElementById({id!r}); e.value = {value!r}; "
        "e.dispatchEvent(new Event('input')); })()"
    )


def test_hosts_are_filtered_in_list_and_map_alike(browser: Browser, page: Path) -> None:
    browser.open(as_url(page))
    assert len(browser.run(COLUMNS)) == len(browser.run(LINES)) == 40
    fill(browser, "filter", "host001")
    assert browser.run(COLUMNS) == sorted(browser.run(LINES)) == [f"host001{n}" for n in range(10)]
    assert browser.run("document.getElementById('shown').textContent") == "10 of 40 hosts"
    fill(browser, "filter", "")
    site = browser.run("document.querySelector('#group option:nth-child(2)').textContent")
    fill(browser, "group", site)
    sites = browser.run("[...document.querySelectorAll('#list tbody tr:not(.hide)')].map(r => r.cells[1].textContent)")
    assert set(sites) == {site}
    assert len(browser.run(COLUMNS)) == len(sites) < 40


def test_only_hosts_at_which_something_fails(browser: Browser, page: Path) -> None:
    browser.open(as_url(page))
    browser.run("document.getElementById('failing').click()")
    failing = browser.run("[...document.querySelectorAll('#list tbody tr:not(.hide)')].map(r => r.dataset.failing)")
    assert failing
    assert "0" not in failing
    fill(browser, "order", "failing")
    shown = browser.run(COLUMNS)
    assert len(shown) == len(failing)
    assert shown[-1] == "host0007"  # one endpoint; the others fail at all of them


def test_every_row_of_the_map_keeps_its_hosts_in_the_order_of_the_head(browser: Browser, page: Path) -> None:
    browser.open(as_url(page))
    fill(browser, "order", "group")
    orders = browser.run(
        "[...document.querySelectorAll('.map tr')].map(r => [...r.cells].slice(1).map(c => c.dataset.h).join())"
    )
    assert len(set(orders)) == 1


def test_the_list_is_sorted_by_a_click_on_its_head_either_way(browser: Browser, page: Path) -> None:
    browser.open(as_url(page))
    click = "document.querySelectorAll('#list th button')[3].click()"
    fails = "[...document.querySelectorAll('#list tbody tr')].map(r => Number(r.cells[3].textContent))"
    browser.run(click)
    assert browser.run(fails) == sorted(browser.run(fails))
    browser.run(click)
    assert browser.run(fails) == sorted(browser.run(fails), reverse=True)
    assert browser.run("document.querySelectorAll('#list th')[3].getAttribute('aria-sort')") == "descending"


def test_the_page_asks_nobody_and_breaks_no_rule_of_its_policy(browser: Browser, page: Path) -> None:
    browser.open(as_url(page))
    assert browser.asked() == [as_url(page)]
    assert browser.complaints() == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("wide", [390, 1280])
def test_everybody_can_use_it_on_every_screen(browser: Browser, page: Path, wide: int, dark: bool) -> None:
    browser.open(as_url(page), wide=wide, dark=dark)
    browser.run(need.axe() + "; 0")
    found = browser.run("axe.run().then(r => r.violations.map(v => v.id + ': ' + v.nodes[0].html.slice(0, 200)))")
    assert found == []
    assert browser.run("document.documentElement.scrollWidth") <= wide


def test_another_group_has_a_column_of_its_own(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "tier.html"
    shown = render(fleet_of(machines(random.Random(4), 9), by="tier"), "html")
    assert isinstance(shown, str)
    path.write_text(shown)
    browser.open(as_url(path))
    heads = browser.run("[...document.querySelectorAll('#list th[scope=col]')].map(c => c.textContent)")
    assert heads[:4] == ["host", "site", "tier", "verdict"]


def test_hostile_names_run_nothing(browser: Browser, tmp_path: Path) -> None:
    members = machines(random.Random(3), 6)
    for number, machine in enumerate(members):
        machine.name = f"</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>{number}"
        machine.site = f"{EVIL}{number % 2}"
        machine.faults = [fault("tcp_dropped", title="<b onmouseover=window.hacked=3>x", cause="</title><script>1")]
    shown = render(fleet_of(members), "html")
    assert isinstance(shown, str)
    path = tmp_path / "evil.html"
    path.write_text(shown)
    browser.open(as_url(path))
    assert browser.run("window.hacked") is None
    assert browser.run("document.images.length + document.scripts.length") == 1
    fill(browser, "filter", "hacked = 1")
    assert len(browser.run(LINES)) == 6
