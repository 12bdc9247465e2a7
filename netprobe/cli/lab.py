"""``netprobe lab``: the embedded network, to look at and to try other tools on.

``lab list`` shows what can be wrong; ``lab run`` keeps one network up until Ctrl-C (or SIGTERM) and says how netprobe,
curl and dig reach it. Nothing of it is reachable from outside this machine.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netprobe.cli import options, selection, tables
from netprobe.cli.output import write_output

if TYPE_CHECKING:
    from netprobe.lab import Scenario
    from netprobe.lab.network import Lab

DEFAULT_REGION = "us-east-2"
_HEADER = ("scenario", "verdict", "findings", "failure", "summary")
_ScenarioName = Annotated[str, typer.Argument(metavar="SCENARIO", help="What is wrong; see 'netprobe lab list'.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    lab = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)
    lab.callback()(_about)
    lab.command("list")(list_)
    lab.command("run")(run)
    app.add_typer(lab, name="lab")


def _about() -> None:
    """Run the embedded network: an AWS-shaped one on loopback, healthy or with a fault by name."""


def list_(format: options.Format = "table", output: options.Output = None) -> int:
    """Show the scenarios, and what netprobe must say about each (formats: table, json, csv)."""
    tables.check_format(format)
    from netprobe.lab import SCENARIOS

    write_output(_MAKE[format](tuple(SCENARIOS.values())), output)
    return 0


def run(
    ctx: typer.Context,
    scenario: _ScenarioName = "healthy",
    region: options.Region = None,
    with_groups: options.With = None,
    without_groups: options.Without = None,
) -> int:
    """Keep a network up until Ctrl-C, and say how to point netprobe, curl and dig at it.

    Without --region it holds us-east-2.
    """
    import trio

    from netprobe.lab import open_lab

    chosen = selection.select(
        ctx, region=region or [DEFAULT_REGION], with_groups=with_groups, without_groups=without_groups
    )

    async def keep_up() -> None:
        async with open_lab(scenario, chosen.endpoints) as lab:
            curl = _write_curl_configuration(lab)
            write_output(_directions(lab, tuple(r.id for r in chosen.regions), curl), None)
            await trio.sleep_forever()

    trio.run(keep_up)
    return 0


def _write_curl_configuration(lab: Lab) -> Path:
    """A file for ``curl -K`` that sends every host of the lab to its address."""
    path = lab.directory / "curl.conf"
    lines = [f'cacert = "{lab.vantage.store.ca_file}"']
    lines += [
        f'connect-to = "{host}:{service}:{_bracketed(addresses[0])}:{port}"'
        for host, addresses in lab.addresses.items()
        for service, port in lab.vantage.ports.items()
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _directions(lab: Lab, regions: tuple[str, ...], curl: Path) -> str:
    host = next(iter(lab.addresses))
    resolver = lab.vantage.resolvers[0]
    check = ["netprobe", "check", *(word for region in regions for word in ("-r", region))]
    shown = [
        ("scenario", f"{lab.scenario.name}: {lab.scenario.summary}"),
        ("regions", ", ".join(regions)),
        ("resolvers", ", ".join(str(resolver) for resolver in lab.vantage.resolvers)),
        ("ports", ", ".join(f"{service} is served on {port}" for service, port in lab.vantage.ports.items())),
        ("trusted", str(lab.vantage.store.ca_file)),
        ("genuine", str(lab.origin_file)),
    ]
    tries = [
        shlex.join([*check, "--lab", str(lab.directory / "lab.json")]),
        shlex.join(["curl", "-sSi", "-K", str(curl), f"https://{host}/"]),
        shlex.join(["dig", f"@{resolver.address}", "-p", str(resolver.port), host]),
    ]
    lines = [f"{name:<11}{value}" for name, value in shown]
    return "\n".join(
        [*lines, "", "Try, in another terminal:", *(f"  {line}" for line in tries), "", "Ctrl-C ends it.", ""]
    )


def _table(scenarios: tuple[Scenario, ...]) -> str:
    lines: list[str] = []
    for scenario in scenarios:
        found = ", ".join(scenario.findings) or "nothing"
        told = [scenario.summary, f"Finds: {found}"]
        lines += [f"{scenario.name:<34}{scenario.verdict}", *tables.wrapped(told, indent=4)]
    return "\n".join(lines) + "\n"


def _json(scenarios: tuple[Scenario, ...]) -> str:
    return tables.json_text([dict(zip(_HEADER, _row(scenario), strict=True)) for scenario in scenarios])


def _csv(scenarios: tuple[Scenario, ...]) -> str:
    return tables.csv_text(_HEADER, [_row(scenario) for scenario in scenarios])


def _row(scenario: Scenario) -> tuple[str, ...]:
    failure = str(scenario.failure) if scenario.failure is not None else ""
    return (scenario.name, str(scenario.verdict), " ".join(scenario.findings), failure, scenario.summary)


_MAKE = {"table": _table, "json": _json, "csv": _csv}
