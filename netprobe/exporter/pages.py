"""What the exporter answers: metrics, probes, health, the newest report. Nothing else exists."""

from __future__ import annotations

import html

import trio

from netprobe import __version__
from netprobe.errors import NetprobeError
from netprobe.exporter.runs import Runs, TooManyRunsError
from netprobe.exporter.web import Response, WebRequest
from netprobe.exporter.webconfig import Guard
from netprobe.report import render
from netprobe.report.formats import openmetrics

OPENMETRICS = "application/openmetrics-text"
PROBE_SECONDS = 120.0
_OPENMETRICS_TYPE = f"{OPENMETRICS}; version=1.0.0; charset=utf-8"
_TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PARAMETERS = ("region", "as", "group")


class Pages:
    """The pages.

    Args:
        runs: what was seen.
        guard: who may ask.
    """

    def __init__(self, runs: Runs, guard: Guard) -> None:
        self._runs = runs
        self._guard = guard

    async def answer(self, request: WebRequest) -> Response:
        """Answer a request."""
        self._guard.follow()
        if not await self._guard.admits(request.headers.get("authorization", "")):
            return Response(status=401, body=b"credentials are needed\n", headers={"www-authenticate": "Basic"})
        match request.path:
            case "/":
                return _html(_index(self._runs))
            case "/-/healthy":
                return Response(body=b"netprobe exporter is healthy\n")
            case "/-/ready":
                return self._ready()
            case "/metrics":
                return self._metrics(request)
            case "/probe":
                return await self._probe(request)
            case "/report":
                return self._report()
        return Response(status=404, body=b"there is no such page; / lists them\n")

    def _ready(self) -> Response:
        if self._runs.latest is None:
            return Response(status=503, body=b"the first run is not over\n")
        return Response(body=b"netprobe exporter is ready\n")

    def _metrics(self, request: WebRequest) -> Response:
        runs = self._runs
        return _shown(
            openmetrics.exposition(
                runs.latest,
                last_success=runs.last_success,
                strict=runs.strict,
                more=[
                    ("netprobe_exporter_runs", "", "Runs since the exporter began.", [({}, float(runs.done))]),
                    (
                        "netprobe_exporter_every_seconds",
                        "seconds",
                        "Time from one scheduled run to the next, as it was asked for.",
                        [({}, runs.every)],
                    ),
                    (
                        "netprobe_exporter_look_impossible",
                        "",
                        "Whether the last scheduled run could not be made at all.",
                        [({}, float(bool(runs.trouble)))],
                    ),
                ],
            ),
            request,
        )

    async def _probe(self, request: WebRequest) -> Response:
        unknown = sorted({name for name, _ in request.query} - set(_PARAMETERS))
        if unknown:
            return _wrong(f"{unknown[0]}: there is no such parameter; use region, as and group")
        values = {name: sorted({value for key, value in request.query if key == name}) for name in _PARAMETERS}
        if not values["region"]:
            return _wrong("region: is missing; ask for /probe?region=us-east-2")
        key = tuple(f"{name}={value}" for name in _PARAMETERS for value in values[name])
        try:
            with trio.fail_after(PROBE_SECONDS):
                report = await self._runs.answer(key)
        except NetprobeError as exc:
            return _wrong(str(exc))
        except TooManyRunsError:
            return Response(status=503, body=b"too many probes are waited for\n", headers={"retry-after": "30"})
        except trio.TooSlowError:
            return Response(status=504, body=b"the probe took too long\n")
        text = openmetrics.exposition(report, strict=self._runs.strict)
        return _shown(text, request)

    def _report(self) -> Response:
        if self._runs.latest is None:
            return Response(status=503, body=b"the first run is not over\n")
        page = render(self._runs.latest, "html")
        return _html(page if isinstance(page, str) else page.decode())


def _wants_openmetrics(request: WebRequest) -> bool:
    return OPENMETRICS in request.headers.get("accept", "")


def _shown(text: str, request: WebRequest) -> Response:
    kind = _OPENMETRICS_TYPE if _wants_openmetrics(request) else _TEXT_TYPE
    return Response(type=kind, body=text.encode())


def _wrong(text: str) -> Response:
    return Response(status=400, body=f"{text}\n".encode())


def _html(page: str) -> Response:
    return Response(
        type="text/html; charset=utf-8",
        body=page.encode(),
        headers={"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:"},
    )


def _index(runs: Runs) -> str:
    verdict = "the first run is not over" if runs.latest is None else str(runs.latest.verdict)
    links = (
        ("metrics", "what the last scheduled run saw"),
        ("probe?region=us-east-2", "look now, for one region"),
        ("report", "the newest report, for people"),
        ("-/healthy", "whether this process lives"),
        ("-/ready", "whether there is a run to tell of"),
    )
    items = "".join(f'<li><a href="{path}">/{path}</a>: {words}</li>' for path, words in links)
    trouble = f"<p>{html.escape(runs.trouble)}</p>" if runs.trouble else ""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>netprobe exporter</title></head>'
        f"<body><h1>netprobe exporter {__version__}</h1><p>Verdict: {html.escape(verdict)}</p>{trouble}"
        f"<ul>{items}</ul></body></html>\n"
    )
