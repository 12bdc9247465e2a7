"""The options that commands share, each written once; and how a command is written.

A command is a module ``netprobe/cli/<name>.py`` with a function ``register(app)``::

    def register(app: typer.Typer) -> None:
        app.command("regions")(regions)          # help: the function's docstring

    def regions(ctx: typer.Context, format: options.Format = "table", output: options.Output = None) -> int:
        \"\"\"What exists.\"\"\"
        write_output(text, output)               # netprobe.cli.output; notes go through output.say
        return 0                                 # the exit code

and one line in ``netprobe.cli.main.COMMANDS`` (name, module, summary). ``main`` imports the module only when its
command is run or its help is asked, so a command module imports typer, this one and types at its top, and everything
heavy (trio, dns, httpx, cryptography, scapy, jinja2, rich) inside the function.

Raise ``netprobe.errors.UsageError(value, reason, remedy)`` for a user's mistake (exit 2, one line) and let everything
else fly (exit 3). Do not give an option an environment variable or read the configuration file: ``main`` gives
every option of every command ``NETPROBE_<NAME>`` and its key in ``netprobe.toml`` (command line > environment > file),
and adds ``--config``. Endpoints for a command come from :func:`netprobe.cli.selection.select`.

List options default to None (nothing given); :func:`listed` splits comma lists.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

Region = Annotated[
    list[str] | None,
    typer.Option("--region", "-r", metavar="REGION", help="A region, a comma list, or 'all'. Repeatable."),
]
With = Annotated[
    list[str] | None,
    typer.Option("--with", metavar="GROUP", help="Add a group of endpoints (comma lists too). Repeatable."),
]
Without = Annotated[
    list[str] | None,
    typer.Option("--without", metavar="GROUP", help="Leave a group of endpoints out (comma lists too). Repeatable."),
]
Account = Annotated[str | None, typer.Option("--account", metavar="ID", help="The 12-digit account of your registry.")]
TaskDefinition = Annotated[
    list[Path] | None,
    typer.Option("--task-definition", metavar="FILE", help="Add what this task definition needs. Repeatable."),
]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write here instead of stdout.")]
Format = Annotated[str, typer.Option("--format", metavar="FORMAT", help="The output's format.")]
ReportFormat = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="The report's format: text, line, nagios, json, junit, sarif, github, gitlab, tap, markdown, "
        "openmetrics or html.",
    ),
]
Reports = Annotated[
    list[str] | None,
    typer.Option("--report", metavar="FORMAT=FILE", help="Write the report in this format here as well. Repeatable."),
]
Resolvers = Annotated[
    list[str] | None,
    typer.Option("--resolver", metavar="ADDR[:PORT]", help="Ask this DNS server instead of the host's. Repeatable."),
]
Proxy = Annotated[
    str | None,
    typer.Option("--proxy", metavar="URL", help="Go through this proxy. NETPROBE_PROXY keeps a password out of ps."),
]
NoProxy = Annotated[bool, typer.Option("--no-proxy", help="Connect directly, whatever the environment says.")]
CaFile = Annotated[Path | None, typer.Option("--ca-file", metavar="PEM", help="The trust store to verify with.")]
OriginCa = Annotated[
    Path | None,
    typer.Option("--origin-ca", metavar="PEM", help="Roots of the genuine service (default: Amazon's and the public)."),
]
Expect = Annotated[
    list[str] | None,
    typer.Option("--expect", metavar="GROUP=private|public", help="What a group's addresses must be. Repeatable."),
]
Fips = Annotated[bool, typer.Option("--fips", help="Use FIPS endpoints where they exist.")]
Dualstack = Annotated[bool, typer.Option("--dualstack", help="Use dual-stack endpoints where they exist.")]
Ipv4Only = Annotated[bool, typer.Option("--ipv4-only", "-4", help="Probe over IPv4 only.")]
Ipv6Only = Annotated[bool, typer.Option("--ipv6-only", "-6", help="Probe over IPv6 only.")]
Timeout = Annotated[float | None, typer.Option("--timeout", metavar="SECONDS", help="The time limit of one step.")]
Deadline = Annotated[
    float | None, typer.Option("--deadline", metavar="SECONDS", help="The time limit of the whole run.")
]
Concurrency = Annotated[int | None, typer.Option("--concurrency", metavar="N", help="How many connections at a time.")]
EcsNumbers = Annotated[
    str | None,
    typer.Option(
        "--ecs-numbers",
        metavar="1-64",
        help="Numbers of ecs-a-N and ecs-t-N to try (default 1-32, and 33-128 if none of these exists).",
    ),
]
Lab = Annotated[
    str | None,
    typer.Option(
        "--lab",
        metavar="SCENARIO",
        help="Use the embedded network ('healthy', or a fault by name). With --as, --root or --proxy, its own proxy "
        "stands in for whatever proxy they name.",
    ),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        "--labels",
        metavar="KEY=VALUE",
        help="Label this host in the report, as site=fra (comma lists too). Repeatable.",
    ),
]
Anonymous = Annotated[
    bool,
    typer.Option(
        "--anonymous",
        help="Leave out what names this host: its name, machine id, addresses, and folders of the files read.",
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit 1 for warnings too.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes on stderr.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Say more on stderr; in text, show each thing that passes.")
]
Full = Annotated[bool, typer.Option("--full", help="In text, show each thing that passes, not one line per group.")]
WellQuiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing where all is well.")]
DocsBase = Annotated[
    str | None,
    typer.Option("--docs-base", metavar="URL", help="Where your copy of the manual is, for the links in reports."),
]


As = Annotated[
    list[str] | None,
    typer.Option(
        "--as",
        metavar="NAME",
        help="Probe as host, ecs-agent, ssm-agent, docker, ecs-init, installer, cloudwatch-agent or all. Repeatable.",
    ),
]
Root = Annotated[
    Path | None, typer.Option("--root", metavar="DIR", help="Read the agents' settings from this root folder.")
]
Idle = Annotated[
    float | None,
    typer.Option(
        "--idle",
        metavar="SECONDS",
        help="Keep connections idle this long to see whether they are cut (120 is advised).",
    ),
]
Transcript = Annotated[
    Path | None,
    typer.Option(
        "--transcript", metavar="FILE", help="Write what the services answered, and nothing that names your network."
    ),
]
Locate = Annotated[bool, typer.Option("--locate", help="Look for the hop on which it breaks, where something failed.")]


def listed(values: Iterable[str] | None) -> tuple[str, ...]:
    """Take comma lists apart: ``["a,b", "c"]`` becomes ``("a", "b", "c")``; duplicates go, order stays."""
    parts = (part.strip() for value in values or () for part in value.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))
