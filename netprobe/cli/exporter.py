"""``netprobe exporter``: the check on a schedule, for Prometheus.

It listens on loopback unless ``--listen`` names another address. The options of ``check`` say what is looked at;
``[exporter]`` in netprobe.toml is their table. SIGTERM ends it within a second.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netprobe import addresses
from netprobe.cli import asking, bug, config, options, values
from netprobe.cli.output import say
from netprobe.errors import UsageError

if TYPE_CHECKING:
    import trio

    from netprobe.checking.request import CheckRequest
    from netprobe.exporter.runs import Runs
    from netprobe.report.model import Report

DEFAULT = "127.0.0.1:9858"
_EVERY = "5m"
_LEAST_SECONDS = 10.0


def register(app: typer.Typer) -> None:
    """Add ``exporter``."""
    app.command("exporter")(exporter)


@asking.in_groups
def exporter(
    ctx: typer.Context,
    *,
    listen: Annotated[
        str, typer.Option("--listen", metavar="ADDR:PORT", help="Where to listen; loopback unless this says otherwise.")
    ] = DEFAULT,
    every: Annotated[
        str, typer.Option("--every", metavar="5m", help="Time from one scheduled run to the next, with some jitter.")
    ] = _EVERY,
    web_config: Annotated[
        Path | None,
        typer.Option(
            "--web-config",
            metavar="FILE",
            help="TLS and basic authentication, in the form of Prometheus' exporter-toolkit.",
        ),
    ] = None,
    what: asking.WhatToProbe,
    how: asking.HowToProbe,
    strict: Annotated[bool, typer.Option("--strict", help="Report a host with warnings as not ready.")] = False,
    quiet: options.Quiet = False,
) -> int:
    """Check on a schedule and answer Prometheus: /metrics, /probe?region=…, /report, /-/healthy, /-/ready.

    Exit codes: 0 ended by SIGTERM or Ctrl-C, 2 the request is wrong.
    """
    from netprobe.checking import perform

    where = address(listen)
    seconds = values.duration("--every", every)
    if seconds < _LEAST_SECONDS:
        raise UsageError(f"--every {every}", "is less than ten seconds", "a check asks some hundred questions: give 1m")
    own_endpoints = config.of(ctx).tables("endpoint")
    request = asking.request(what, how, own_endpoints=own_endpoints, genuine_chains=False)
    perform.prepare(request)  # what is wrong is told now, not by the first run

    import trio

    from netprobe.exporter.runs import Runs

    runs = Runs(_Looking(request), every=seconds, strict=strict)
    trio.run(_serve, where, web_config, runs, quiet)
    return 0


def address(text: str) -> tuple[str, int]:
    """Parse ``ADDR:PORT``; IPv6 in brackets.

    Raises:
        UsageError: it is not that; a name is no address.
    """
    place = addresses.take_apart(text.strip())
    port, host = addresses.port_number(place.port, least=0), addresses.read(place.host)
    if not place.is_whole or port is None or host is None:
        raise UsageError(f"--listen {text}", "is not ADDRESS:PORT", f"write for example --listen {DEFAULT}")
    return str(host), port


async def _serve(where: tuple[str, int], web_config: Path | None, runs: Runs, quiet: bool) -> None:
    import trio

    from netprobe.exporter import web
    from netprobe.exporter.pages import Pages
    from netprobe.exporter.webconfig import Guard

    guard = Guard(web_config)
    listeners = await _listening(where)
    with trio.open_signal_receiver(signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(web.serve, listeners, Pages(runs, guard).answer, guard.tls)
            nursery.start_soon(runs.keep_looking)
            if not quiet:
                bound = listeners[0].socket.getsockname()
                scheme = "http" if guard.tls() is None else "https"
                say(f"netprobe: listening on {scheme}://{_shown(bound)}/")
            async for _ in signals:
                nursery.cancel_scope.cancel()
                break


def _shown(where: tuple[str, int]) -> str:
    host, port = where[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def _listening(where: tuple[str, int]) -> list[trio.SocketListener]:
    import trio

    try:
        return await trio.open_tcp_listeners(where[1], host=where[0])
    except OSError as exc:
        reason = os.strerror(exc.errno).lower() if exc.errno else "no such address here"
        raise UsageError(f"--listen {_shown(where)}", f"cannot be used ({reason})", "give another port") from exc


class _Looking:
    """Makes runs: the exporter's own, and those that are asked for by region, vantage and groups."""

    def __init__(self, request: CheckRequest) -> None:
        self._request = request

    async def __call__(self, key: tuple[str, ...]) -> Report:
        import msgspec

        from netprobe.checking import perform

        request = self._request
        if key:
            asked: dict[str, list[str]] = {"region": [], "as": [], "group": []}
            for part in key:
                name, _, value = part.partition("=")
                asked[name] += options.listed([value])
            request = msgspec.structs.replace(
                request,
                regions=tuple(asked["region"]),
                agents=tuple(asked["as"]) or request.agents,
                groups=tuple(asked["group"]) or request.groups,
            )
        outside = perform.Outside(keep_bug=lambda traceback: bug.keep(traceback, sys.argv[1:]))
        prepared = perform.undisturbed(perform.prepare(request, outside))
        return await perform.look(prepared, outside)
