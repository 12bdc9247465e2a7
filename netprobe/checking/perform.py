"""Performing a check: everything is read and refused first, then the packets leave, then it is diagnosed."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import msgspec

from netprobe import requirements
from netprobe.catalog import Forms, age
from netprobe.checking import meanwhile, vantages
from netprobe.checking.request import CheckRequest
from netprobe.checking.selection import Selection, select
from netprobe.errors import UsageError
from netprobe.probes.settings import SPREAD_FROM, Settings

if TYPE_CHECKING:
    from netprobe.naming import HostIdentity
    from netprobe.observations import Run
    from netprobe.probes.early import Begun
    from netprobe.probes.news import News
    from netprobe.report.model import Report
    from netprobe.vantage import Vantage

Progress = Callable[[int, int], None]
NOT_INSTALLED = (
    "no agent is installed here: what installs them was not looked at; add --with install to look at that too"
)
NO_IPV4 = (
    "this host has a default route over IPv6 only: probed over IPv6, at the dual-stack names that the agents use then; "
    "give -4 to look over IPv4"
)


def _silent(_text: str) -> None:
    """Nobody listens."""


def _not_kept(_traceback: str) -> str:
    return "its traceback was not kept"


def _nothing() -> None:
    """Nothing is needed."""


def _no_bar() -> AbstractContextManager[Progress | None]:
    return nullcontext()


class Outside(msgspec.Struct, frozen=True, kw_only=True):
    """What a check tells while it runs, and to whom.

    Attributes:
        say: takes a note for people, one line.
        progress: opens what shows how many hosts are done.
        keep_bug: keeps the traceback of a bug in one probe, and says where.
        meanwhile: takes a line of what the first pass saw so far, and of what failed in it while that is tried again;
            None for silence.
        afterwards: imports what is needed when the report stands; called while the first answers are under way.
    """

    say: Callable[[str], None] = _silent
    progress: Callable[[], AbstractContextManager[Progress | None]] = _no_bar
    keep_bug: Callable[[str], str] = _not_kept
    meanwhile: Callable[[str], None] | None = None
    afterwards: Callable[[], None] = _nothing


ALONE = Outside()


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A check that only has to be run: nothing of the request can be refused any more.

    Attributes:
        request: what was asked for.
        selection: the endpoints.
        settings: the limits of the run.
        look: opens the vantages.
        notes: what a reader of the report must know.
    """

    request: CheckRequest
    selection: Selection
    settings: Settings
    look: vantages.Look
    notes: tuple[str, ...]


def perform(request: CheckRequest, outside: Outside = ALONE) -> Report:
    """Check and diagnose.

    Raises:
        UsageError: the request is wrong, told before a packet leaves.
    """
    return run(prepare(request, outside), outside)


def glancing(prepared: Prepared, only: Collection[tuple[str, str]], existing: Sequence[str]) -> Prepared:
    """The same check for a few endpoints alone, each asked once, without control probes.

    Args:
        prepared: the whole check.
        only: region and id of the endpoints.
        existing: the numbered names that exist; where there are none, every number is tried again.
    """
    endpoints = tuple(one for one in prepared.selection.endpoints if (one.region, one.id) in only)
    numbers = {int(label) for host in existing for label in host.partition(".")[0].split("-") if label.isdigit()}
    settings = msgspec.structs.replace(
        prepared.settings,
        experiments=False,
        ecs_numbers=tuple(sorted(numbers)) or prepared.settings.ecs_numbers,
    )
    selection = msgspec.structs.replace(prepared.selection, endpoints=endpoints)
    return msgspec.structs.replace(prepared, selection=selection, settings=settings)


def undisturbed(prepared: Prepared) -> Prepared:
    """The same check for somebody who hears signals himself, and ends it by cancelling it."""
    settings = msgspec.structs.replace(prepared.settings, interruptible=False)
    return msgspec.structs.replace(prepared, settings=settings)


def hurried(prepared: Prepared, seconds: float | None) -> Prepared:
    """The same check with no more than so many seconds for all of it; None for what it had."""
    if seconds is None or seconds >= prepared.settings.deadline:
        return prepared
    settings = msgspec.structs.replace(prepared.settings, deadline=max(seconds, 0.001))
    return msgspec.structs.replace(prepared, settings=settings)


def _looks_before_the_installation(look: vantages.Look) -> bool:
    """Whether the host looks for itself, because none of its programs is there to be looked as."""
    return [(one.name, one.stands_in) for one in look.ready or ()] == [("host", False)]


def prepare(request: CheckRequest, outside: Outside = ALONE) -> Prepared:
    """Read and check everything that the request names.

    Raises:
        UsageError: the request is wrong.
    """
    own = vantages.HostsOwn()
    if request.lab is None or request.root is not None:
        own = vantages.hosts_own(request.root)
    without_ipv4 = vantages.without_ipv4(request.families, request.lab)
    forms = Forms(fips=request.fips, dualstack=request.dualstack, ipv6_only=without_ipv4, account=request.account)
    selection = select(
        regions=_regions(request, own, outside),
        with_groups=request.groups,
        without_groups=request.without_groups,
        forms=forms,
        task_definitions=request.task_definitions,
        own_endpoints=request.own_endpoints,
    )
    settings = _settings(request, selection, own)
    look = _look(request, selection)
    notes = [
        *_unseen(look),
        *look.notes,
        *requirements.notes(selection.regions, request.groups, selection.catalog),
        *_placeholders(selection),
        *age.notes(selection.catalog.version, datetime.datetime.now(datetime.UTC).date()),
    ]
    if without_ipv4 and request.families != (6,):
        notes.append(NO_IPV4)
    if _looks_before_the_installation(look) and "install" not in request.groups:
        notes.append(NOT_INSTALLED)
    return Prepared(request=request, selection=selection, settings=settings, look=look, notes=tuple(notes))


def _regions(request: CheckRequest, own: vantages.HostsOwn, outside: Outside) -> Sequence[str]:
    """The regions asked for; without any, that of the host's own agent, which is told."""
    if request.regions or not own.region:
        return request.regions
    outside.say(f"netprobe: no --region given: checking {own.region}, the region of this host's agent ({own.where})")
    return [own.region]


def _look(request: CheckRequest, selection: Selection) -> vantages.Look:
    if request.lab is None:
        return vantages.on_this_host(
            names=request.agents,
            root=request.root,
            resolvers=request.resolvers,
            proxy=request.proxy,
            no_proxy=request.no_proxy,
            ca_file=request.ca_file,
            origin_ca=request.origin_ca,
            families=request.families,
        )
    vantages.refuse_beside_lab(ca_file=request.ca_file, origin_ca=request.origin_ca)
    eyes = vantages.Eyes(
        names=request.agents,
        root=request.root,
        resolvers=request.resolvers,
        proxy=request.proxy,
        no_proxy=request.no_proxy,
    )
    return vantages.in_the_lab(request.lab, selection.endpoints, eyes)


def _unseen(look: vantages.Look) -> Iterator[str]:
    """Tell whose trust store this user may not look at, so that another store's answer is not taken for its own."""
    for one in look.ready or ():
        if one.store.unseen:
            stood_in = one.record.store.removesuffix(f"; {one.store.unseen}")
            yield f"{one.name}: {one.store.unseen}; {stood_in} stood in for its CA certificates"


def _placeholders(selection: Selection) -> Iterator[str]:
    """Tell for which endpoints an account was made up, so that nobody takes their pass for more than it is."""
    found = dict.fromkeys(endpoint.id for endpoint in selection.endpoints if endpoint.placeholder_account)
    if found:
        yield f"{', '.join(found)}: asked for with a placeholder account; give --account ID to check your own registry"


def _settings(request: CheckRequest, selection: Selection, own: vantages.HostsOwn) -> Settings:
    """The settings of the run; what was not given keeps the default of ``Settings``."""
    groups = {group.id for group in selection.catalog.groups} | {endpoint.group for endpoint in selection.endpoints}
    _refuse_unknown(request.expect, groups)
    settings = Settings(
        timeout=request.timeout,
        families=request.families,
        own_hosts=own.hosts,
        expect=request.expect,
        idle=request.idle,
        lab=request.lab,
        genuine_chains=request.genuine_chains,
    )
    given = {
        "deadline": request.deadline,
        "concurrency": request.concurrency,
        "ecs_numbers": request.ecs_numbers,
    }
    settings = msgspec.structs.replace(settings, **{name: value for name, value in given.items() if value is not None})
    if request.idle is None:
        return settings
    from netprobe.probes import rests

    return msgspec.structs.replace(settings, deadline=settings.deadline + rests.most_seconds(request.idle))


def _refuse_unknown(expect: Mapping[str, str], groups: Collection[str]) -> None:
    for group, kind in expect.items():
        if group not in groups:
            raise UsageError(f"{group}={kind}", "there is no such group", f"choose one of {', '.join(sorted(groups))}")


def run(prepared: Prepared, outside: Outside = ALONE) -> Report:
    """Probe and diagnose, in an event loop of its own; a large first pass is spread over several processes."""
    if prepared.look.ready is None:
        import trio

        return trio.run(look, prepared, outside)
    return _run_ready(prepared, prepared.look.ready, outside)


def _run_ready(prepared: Prepared, looking: Sequence[Vantage], outside: Outside) -> Report:
    """Run what can be laid out, and begun, before there is an event loop."""
    from netprobe.probes import early, plan

    layout = plan.make(prepared.selection.endpoints, looking, prepared.settings)
    if layout.work >= SPREAD_FROM:
        import trio

        from netprobe.probes import spread  # not needed by any other run

        with spread.forked(layout, looking, prepared.settings, outside.say) as workers:
            return trio.run(_see, prepared, outside, early.Begun(layout=layout, workers=workers))
    with contextlib.closing(early.ask(layout.probes)) as asked:
        import trio  # late: the first questions are under way

        return trio.run(_see, prepared, outside, early.Begun(layout=layout, asked=asked))


async def look(prepared: Prepared, outside: Outside = ALONE) -> Report:
    """Probe and diagnose; a lab stays up until the paths have been looked at too.

    Args:
        prepared: the check.
        outside: whom to tell what.
    """
    return await _see(prepared, outside, None)


async def _see(prepared: Prepared, outside: Outside, begun: Begun | None) -> Report:
    from netprobe.probes import run as runs

    selection, settings = prepared.selection, prepared.settings

    def tell(seen: Run) -> None:
        if outside.meanwhile is not None:
            for line in meanwhile.lines(seen):
                outside.meanwhile(line)

    bulletin, behind = meanwhile.Bulletin(), _Behind(prepared, outside)

    def tell_news(known: News) -> None:
        if outside.meanwhile is not None:
            for line in bulletin.lines(known):
                outside.meanwhile(line)

    async with prepared.look() as looking:
        with outside.progress() as progress:
            seen = await runs.check(
                selection.endpoints,
                looking,
                settings,
                catalog=selection.catalog,
                progress=progress,
                keep_bugs=outside.keep_bug,
                meanwhile=tell if outside.meanwhile is not None else None,
                news=tell_news if outside.meanwhile is not None else None,
                later=behind.prepare,
                begun=begun,
            )
        report = _diagnosed(seen, prepared.notes)
        if prepared.request.locate:
            report = await _located(report, looking, settings)
    return behind.with_host(report)


class _Behind:
    """What stands behind the last answer, and is no reason to keep the first packet waiting.

    Args:
        prepared: the check.
        outside: who may need more.
    """

    def __init__(self, prepared: Prepared, outside: Outside) -> None:
        self._request, self._outside = prepared.request, outside
        self._known: HostIdentity | None = None

    def prepare(self) -> None:
        """Import the diagnosis and the report, and read the host's files, while answers are under way."""
        import netprobe.diagnosis
        import netprobe.report.model  # noqa: F401
        from netprobe import identity

        self._outside.afterwards()
        self._known = identity.of_files(self._request.naming, self._request.root)

    def with_host(self, report: Report) -> Report:
        """The report, with the host that it is about."""
        from netprobe import identity

        return identity.with_host(report, self._request.naming, self._request.root, known=self._known)


def _diagnosed(run: Run, notes: Sequence[str]) -> Report:
    from netprobe.diagnosis import diagnose
    from netprobe.report.model import Report

    run = msgspec.structs.replace(run, notes=(*run.notes, *notes))
    return Report.of(run, diagnose(run))


async def _located(report: Report, looking: Sequence[Vantage], settings: Settings) -> Report:
    """Put locations into the findings, within what is left of the deadline."""
    from netprobe.path import locate

    left = settings.deadline - report.duration_seconds
    if report.context.interrupted or left <= 0:
        reason = "the run was interrupted" if report.context.interrupted else "the deadline was reached"
        return msgspec.structs.replace(report, notes=(*report.notes, f"path not looked at: {reason}"))
    return await locate.apply(report, deadline=left, connect_port=looking[0].connect_port)
