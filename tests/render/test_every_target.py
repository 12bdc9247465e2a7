"""What holds for every target: a new one gets these tests by being in ``TARGETS``."""

from __future__ import annotations

import csv
import dataclasses
import importlib
import io
import ipaddress
import json
import pkgutil
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netprobe.cli.main import run
from netprobe.errors import CannotExpressError, UsageError
from netprobe.render import Origin, Rendered, render, targets
from netprobe.render.lowering import asked_for, lower
from netprobe.render.model import Comment, Form, Layer, LossKind, Options, ProofKind
from netprobe.resources import templates
from tests.support.render_cases import CASES, GOLDEN, ORIGIN, Case, endpoint

ALL = targets.names()
every_target = pytest.mark.parametrize("name", ALL)
every_case = pytest.mark.parametrize("case", CASES)


def _texts(name: str, case: str) -> dict[str, str]:
    """Everything that a target writes for a case, or the refusal."""
    try:
        rendered = _render(name, CASES[case])
    except CannotExpressError as refusal:
        return {"REFUSED": "\n".join(refusal.problems) + "\n"}
    module = targets.get(name)
    extra = {} if module.MAIN in module.FILES else {f"stdout.{module.MAIN.name}": rendered.main}
    return {**rendered.files, **extra}


def _render(name: str, case: Case, origin: Origin = ORIGIN) -> Rendered:
    return render(name, case.endpoints, origin=origin, options=case.options, policy=case.policy(name))


@every_target
@every_case
def test_golden(name: str, case: str, update_golden: bool) -> None:
    """The text is the one that somebody read and committed."""
    folder = GOLDEN / name / case
    texts = _texts(name, case)
    if update_golden:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for file, text in texts.items():
            (folder / file).write_text(text, encoding="utf-8")
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == texts


@every_target
@every_case
def test_same_input_same_bytes(name: str, case: str) -> None:
    assert _texts(name, case) == _texts(name, case)


@every_target
@every_case
def test_every_endpoint_is_accounted_for(name: str, case: str) -> None:
    """In an entry that admits it, in a loss that says why not, or in both; and nothing else is in there."""
    module, given_ = targets.get(name), CASES[case]
    lowered = lower(given_.endpoints, module.CAPABILITY, given_.options)
    lost = {(loss.region, loss.endpoint): loss.kind for loss in lowered.losses}
    written = {origin for entry in lowered.entries for origin in entry.endpoints}
    for one in given_.endpoints:
        refused = lost.get((one.region, one.id)) is LossKind.REFUSED
        assert (f"{one.region}/{one.id}" in written) != refused, one.id
        if not refused and Form.ADDRESS not in {entry.form for entry in lowered.entries}:
            example = asked_for(one).pattern.replace("*", "22" if one.numbered else "123456789012")
            assert lowered.admits(example, one.port), example
    known = {f"{one.region}/{one.id}" for one in given_.endpoints}
    assert written <= known


@every_target
def test_losses_are_true(name: str) -> None:
    """A target that is exact by its own word admits nothing beyond, and one that is wider says so."""
    given_ = CASES["wide"]
    lowered = lower(given_.endpoints, targets.get(name).CAPABILITY, given_.options)
    beyond = {
        "sts.us-east-2.amazonaws.com": "one label",
        "bucket.s3.us-east-2.amazonaws.com": "a customer's",
        "ecs-a-x.s3.us-east-2.amazonaws.com": "a customer's, through a star that crosses dots",
    }
    for probe, what in beyond.items():
        if lowered.admits(probe):
            widened = [loss for loss in lowered.losses if loss.kind is LossKind.WIDENED]
            assert widened, (probe, what)
            assert "customer" not in what or any(loss.exfiltration for loss in widened), probe


@every_target
def test_header(name: str) -> None:
    """Each file, or for a language without comments the main one, tells what it is and what was lost."""
    try:
        rendered = _render(name, CASES["wide"])
    except CannotExpressError:
        pytest.skip("refuses this case; its refusal is golden")
    said = rendered.main
    if targets.get(name).COMMENT is Comment.XML:
        said = said.replace("- -", "--")  # XML 1.0 section 2.5: no comment can hold a double hyphen
    for word in ("us-east-2", "eu-west-1", "netprobe render TARGET --region us-east-2", "catalog test"):
        assert word in said
    assert ("Losses: " in said) or ("losses" in said)


@every_target
def test_timestamp_only_when_asked(name: str) -> None:
    moment = "2026-11-23T12:00:00Z"
    # The age that it then tells is counted from the day of the catalog.
    stamped = Origin(command=ORIGIN.command, catalog="2026-11-20", made_at=moment)
    try:
        plain, timed = _render(name, CASES["wide"]), _render(name, CASES["wide"], stamped)
    except CannotExpressError:
        pytest.skip("refuses this case; its refusal is golden")
    assert moment not in plain.main
    assert moment in timed.main


@every_target
def test_page_tells_how(name: str) -> None:
    page = targets.page(name)
    assert page.startswith("# ")
    for heading in ("## Load", "## Verify", "## Roll back", "## What it cannot do", "## What goes around it"):
        assert heading in page, heading
    around = " ".join(page.partition("## What goes around it")[2].split())
    must = {
        Layer.CONNECT: ("goes past", "UDP"),
        Layer.SNI: ("QUIC", "any other way"),
        Layer.DNS: ("other resolver", "knows an address"),
        Layer.DNS_TO_IP: ("other resolver", "share an address"),
        Layer.IP: ("all its customers", "two lists"),
        Layer.CLIENT: ("ignore it",),
        Layer.DOCUMENT: ("enforces nothing",),
    }
    for words in (*must[targets.get(name).LAYER], "IPv6"):
        assert words in around, words


@every_target
def test_page_tells_what_a_replacement_leaves_in_force(name: str) -> None:
    """Where a port has an accepting rule of its own, a file without that port leaves the rule where it is."""
    case = CASES["strict"]
    permitted = dataclasses.replace(case, options=msgspec.structs.replace(case.options, allow_widening=True))
    rendered = _render(name, permitted)
    by_port = "netprobe-allow-443" in rendered.main
    # The script for Windows takes its own rules away before it begins.
    if by_port and name != "windows-firewall":
        assert "`netprobe-allow-PORT`" in targets.page(name).partition("## Replace")[2].partition("## Roll back")[0]


@every_target
def test_shape(name: str) -> None:
    """The module is what ``Target`` says, and its folder holds what the module names."""
    module = targets.get(name)
    assert name == module.NAME
    assert module.TITLE
    assert module.LAYER in Layer
    assert module.CAPABILITY.forms
    assert (module.CAPABILITY.regex is not None) == (Form.REGEX in module.CAPABILITY.forms)
    assert module.CAPABILITY.default_action
    assert module.FILES
    assert len({file.name for file in module.FILES}) == len(module.FILES)
    assert module.PROOF.by
    assert all(source.where and source.read for source in module.SOURCES)
    assert module.SOURCES
    for file in (module.MAIN, *module.FILES):
        assert (templates() / (file.folder or name) / file.template).is_file()
        assert Path(file.name).name == file.name


HOSTILE = (
    "x\nallow all",
    'x"; drop',
    "x */ evil",
    "--> <evil/>",
    "$(reboot)",
    "`reboot`",
    "x' or '1'='1",
    "x\r\nhttp_access allow all",
    "END_OF_SETS\nreboot",
    "\\",
    "{{ 7 * 7 }}",
    "${jndi:x}",
    "x\u2028y",
    "evil%0a",
)


@every_target
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hostile=st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1, max_size=60)),
    where=st.sampled_from(["purpose", "source", "note", "command", "catalog", "how", "checked"]),
)
def test_hostile_text_changes_no_rule(name: str, hostile: str, where: str) -> None:
    """Free text may come out as a comment or a quoted field; the lines that are rules stay what they were."""
    case = CASES["strict"]
    marked = f"mark {hostile} mark"
    endpoints = case.endpoints
    if where in ("purpose", "source", "checked"):
        endpoints = tuple(msgspec.structs.replace(e, **{where: marked}) for e in endpoints)
    origin = Origin(
        command=marked if where == "command" else ORIGIN.command,
        catalog=marked if where == "catalog" else ORIGIN.catalog,
        notes=(marked,) if where == "note" else (),
    )
    options = case.options
    if where == "how":
        options = _with_how(case, marked)
    try:
        bad = render(name, endpoints, origin=origin, options=options, policy=case.policy(name))
        good = _render(name, case)
    except CannotExpressError:
        return
    for file in good.files:
        assert len(bad.files[file].splitlines()) - len(good.files[file].splitlines()) in (0, int(where == "note")), file
        assert _control_free(bad.files[file])
        assert _rules(bad.files[file]) == _rules(good.files[file]) or targets.get(name).LAYER is Layer.DOCUMENT


def _with_how(case: Case, how: str) -> Options:
    assert case.options.addresses is not None
    told = {p: msgspec.structs.replace(s, how=how) for p, s in case.options.seen.items()}
    return msgspec.structs.replace(
        case.options, seen=told, addresses=msgspec.structs.replace(case.options.addresses, how=how)
    )


def _control_free(text: str) -> bool:
    return all(c in "\n\t" or " " <= c <= "~" for c in text)


def _rules(text: str) -> list[str]:
    """The lines without those that hold free text, which the tests mark."""
    if text.startswith("{"):
        # JSON has no comments: what a file tells about itself is one member, and everything else must stay the same.
        told = json.loads(text)
        told.pop("about", None)
        return [json.dumps(told)]
    marks = ("#", ";", "!", "//", "<!--", "-- ", "REM ")
    return [line for line in text.splitlines() if "mark" not in line and not line.lstrip().startswith(marks)]


@every_target
@pytest.mark.parametrize("hostile", [*HOSTILE, "evil.com #", "a..b.com", "-a.example.com", "*.com", "ex ample.com"])
def test_hostile_names_are_refused(name: str, hostile: str) -> None:
    """A pattern that is not one never gets as far as a template."""
    case = CASES["wide"]
    with pytest.raises(UsageError):
        render(name, (endpoint(hostile, "x"),), origin=ORIGIN, options=case.options, policy=case.policy(name))


def test_every_module_is_registered() -> None:
    """A module without a name in the table would never be tested."""
    modules = {info.name.replace("_", "-") for info in pkgutil.iter_modules(targets.__path__)}
    assert modules == set(ALL)
    assert len(set(ALL)) == len(ALL)


def test_every_template_folder_is_a_target() -> None:
    folders = {path.name for path in templates().iterdir() if path.is_dir()} - {"report", "shared"}
    assert folders == set(ALL)


def test_what_targets_share_stands_once() -> None:
    """A file of ``shared`` that a target has too would be hidden by it; one that nobody includes would be forgotten."""
    shared = {file.name for file in (templates() / "shared").iterdir()}
    own = [file for name in ALL for file in (templates() / name).iterdir()]
    assert not shared & {file.name for file in own}
    included = "".join(file.read_text(encoding="utf-8") for file in own)
    assert not {name for name in shared if f'{{% include "{name}" %}}' not in included}


README = Path(__file__).parents[2] / "README.md"


def _readme_tables(rows: list[dict[str, str]]) -> dict[str, list[str]]:
    """The tables of targets in README, each by its head, from the rows of ``netprobe targets --format csv``."""
    families: dict[str, list[str]] = {}
    proofs: dict[str, list[str]] = {kind.value: [] for kind in ProofKind}
    for row in rows:
        families.setdefault(row["family"], []).append(f"`{row['target']}`")
        proofs[row["proof"]].append(f"`{row['target']}`")
    tables = {"family": families, "proof": proofs}
    heads = {
        "family": "| family | `netprobe render TARGET` |\n|---|---|\n",
        "proof": "| proof | targets |\n|---|---|\n",
    }
    return {
        heads[name]: [f"| {key} | {', '.join(names)} |" for key, names in table.items() if names]
        for name, table in tables.items()
    }


def test_the_readmes_tables_are_what_netprobe_targets_says(
    update_golden: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--update-golden`` writes them; what was only read stands in a line of its own."""
    assert run(["targets", "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["target"] for row in rows] == list(ALL)
    readme = README.read_text(encoding="utf-8")
    for head, lines in _readme_tables(rows).items():
        before, found, rest = readme.partition(head)
        assert found, head
        table, _, after = rest.partition("\n\n")
        if update_golden:
            readme = f"{before}{head}" + "\n".join(lines) + f"\n\n{after}"
            README.write_text(readme, encoding="utf-8")
        else:
            assert table.splitlines() == lines


def test_unknown_target_tells_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean squid or squid-splice"):
        targets.get("sqiud")
    assert importlib.import_module("netprobe.render.targets.squid") is targets.get("squid")


def test_golden_addresses_are_for_documentation() -> None:
    """No golden file names a real address (RFC 5737, RFC 3849)."""
    allowed = [ipaddress.ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")]
    for case in CASES.values():
        addresses = case.options.addresses
        assert addresses is not None
        for group in (addresses.by_host or {}, addresses.by_region or {}):
            for value in (v for values in group.values() for v in values):
                network = ipaddress.ip_network(value)
                assert any(network.version == a.version and network.subnet_of(a) for a in allowed)  # type: ignore[arg-type]
