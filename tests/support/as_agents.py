"""``netprobe check`` as a whole in a staged network: as the agents of a root folder, through real proxies."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import trio

from netprobe.lab import SCENARIOS
from netprobe.report import FORMATS
from tests.support import need
from tests.support.cli import ROOT, Ended, environment, netprobe
from tests.support.lab_case import Case, Network, staged

REGION = "us-east-2"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one run left behind."""

    code: int
    out: str
    err: str
    files: Mapping[str, str]
    processes: str

    @property
    def report(self) -> dict[str, object]:
        return dict(json.loads(self.files["json"]))


def root_of(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in {"/etc/os-release": "ID=debian\n", **files}.items():
        path = folder / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def _command_lines() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:  # it ended meanwhile
            continue


def again(report: Path) -> Ended:
    """Conclude a report once more."""
    return netprobe("diagnose", str(report))


async def check_as(
    folder: Path,
    network: Network,
    files: Mapping[str, str] | Path,
    *more: str,
    env: Mapping[str, str] | None = None,
    scenario: str = "healthy",
) -> Outcome:
    """Run the command in the client's namespace, and look at the machine's process list all the while.

    With files it looks as every agent of a root that holds them, without any as the host itself.
    """
    need.root()
    need.engine("nft")
    for engine in network.engines:
        need.engine(engine.program)
    root = files if isinstance(files, Path) else root_of(folder / "root", files)
    results = folder / "results"
    results.mkdir()
    lines: set[str] = set()

    async def watch() -> None:
        while True:
            lines.update(_command_lines())
            await trio.sleep(0.2)  # a run takes longer, and there are some hundred processes to read

    async with (
        staged(Case(name="as-all", scenario=SCENARIOS[scenario]), network) as stage,
        trio.open_nursery() as nursery,
    ):
        argv = [
            *("ip", "netns", "exec", stage.net.client.name, sys.executable, "-m", "netprobe", "check"),
            *("-r", REGION, "--account", "123456789012", "--verbose"),
            *(("--as", "all", "--root", str(root)) if files else ()),
            *("--resolver", stage.layout.resolvers[0][0]),
            *("--ca-file", str(stage.store), "--origin-ca", str(stage.certificates.origin_file)),
            *("--handoff", str(results / "handoff"), "--handoff-target", "squid"),
            *(f"--report={name}={results / name}" for name in FORMATS),
            *more,
        ]
        nursery.start_soon(watch)
        with trio.fail_after(60):
            ended = await trio.run_process(
                argv,
                env=environment(**(env or {})),
                cwd=ROOT,
                capture_stdout=True,
                capture_stderr=True,
                check=False,
            )
        nursery.cancel_scope.cancel()
    return Outcome(
        code=ended.returncode,
        out=ended.stdout.decode(),
        err=ended.stderr.decode(),
        files={path.name: path.read_text(errors="replace") for path in results.iterdir()},
        processes="\n".join(lines),
    )
