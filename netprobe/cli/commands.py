"""The commands: where each lives and what it does in a few words. Their modules are imported when they are needed."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import typer
import typer.main


@dataclass(frozen=True, slots=True)
class Command:
    """Where a command lives and what it does in a few words."""

    module: str
    summary: str


COMMANDS: dict[str, Command] = {
    "check": Command("check", "Probe the endpoints from here and say what is in the way."),
    "diagnose": Command("diagnose", "Diagnose a saved report again."),
    "explain": Command("explain", "Explain a finding, failure, endpoint or target."),
    "path": Command("path", "Show where on the way it breaks."),
    "render": Command("render", "Write the allowlist for a firewall or proxy."),
    "targets": Command("targets", "Show what can be rendered, and how exactly."),
    "endpoints": Command("endpoints", "Show what is needed, by whom, and why."),
    "regions": Command("regions", "Show the regions that exist."),
    "exporter": Command("exporter", "Check on a schedule and answer Prometheus."),
    "changes": Command("changes", "Show what AWS needs now that it did not need then."),
    "catalog": Command("catalog", "Write the catalog as a file, or take a newer one."),
    "host": Command("host", "Judge this host without the network."),
    "image": Command("image", "Judge an image's root folder or tar."),
    "workload": Command("workload", "Judge task definitions and services."),
    "gate": Command("gate", "Run what netprobe.toml asks for; one verdict."),
    "observe": Command("observe", "Learn from a capture what a host talks to."),
    "audit": Command("audit", "Compare a capture or log with the required endpoints."),
    "fleet": Command("fleet", "Merge the reports of many hosts: causes, sites, who acts."),
    "compare": Command("compare", "Compare two reports, or two folders of them."),
    "lab": Command("lab", "Run the embedded network."),
    "docs": Command("docs", "Build the manual as a site, to read offline."),
    "bundle": Command("bundle", "Collect what a helper needs to see, without secrets."),
    "version": Command("version", "Show which netprobe this is."),
    "completion": Command("completion", "Print a shell's completion script."),
}


def build(name: str) -> Any:
    """Import the module of a command and return its command object, as the module wrote it."""
    module = importlib.import_module(f"netprobe.cli.{COMMANDS[name].module}")
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    module.register(app)
    return typer.main.get_group(app).commands[name]
