"""The hosts of a fleet: one small record each, the newest of its reports, and a name that is its alone.

A machine id tells two hosts of one name apart. It does not make one host of two names: copies of an image may share it.
Only where one name is the other with its domain are they one host. A report without a machine id, as older netprobes
wrote it, is about the one host of its name that has one.

A report that names no host at all (``--anonymous``) is called like its file; where several such files are called alike,
each is about a host of its own. So are reports of one name and one machine id that were made in the same hour and have
no address in common: copies of an image that nobody renamed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from netprobe import natural
from netprobe.findings import Severity
from netprobe.fleet.decode import NotAReportError, Sentence, take
from netprobe.fleet.files import Document
from netprobe.fleet.model import HostFinding, Member, Skipped
from netprobe.fleet.parts import counting, together

MOST_TOLD = 1000
"""Skipped files that are named; the others are counted."""
_Key = tuple[str, str, str]
"""Name, machine id, and what else tells hosts apart: of a report that names no host the file, of a copy its address."""
_SAME_TIME = 3600.0
"""Seconds within which no host moves to other addresses, but all hosts of a schedule are checked."""


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """How one host words a cause.

    Attributes:
        host: what the fleet calls it.
        sentence: its words.
        source: where its report was read.
    """

    host: str
    sentence: Sentence
    source: str = ""


NOBODY = Example(host="", sentence=Sentence(title="", remedy="", docs=""))
MOST_EXAMPLES = 500
"""Wordings that are kept of one cause."""
CLOCK_SLACK = 86_400.0
"""Seconds that a host's clock may be ahead of ours: a day covers a clock that was set to local time."""


class Census:
    """What was read, a report at a time; only the small records stay."""

    def __init__(self, now: float | None = None, max_age_seconds: float | None = None) -> None:
        """Begin with nothing.

        Args:
            now: Unix time that no report can be made after, or None where nobody asks; see :data:`CLOCK_SLACK`.
            max_age_seconds: older reports than this do not count beside a newer one of their host, or None.
        """
        self._since = None if now is None or max_age_seconds is None else now - max_age_seconds
        self.reports = 0
        self.ahead: dict[str, str] = {}
        """Source → when it says that it was made, of the first :data:`MOST_TOLD` reports from the future."""
        self._latest = None if now is None else now + CLOCK_SLACK
        self.skipped: list[Skipped] = []
        self.skipped_more = 0
        self.has_unread_reports = False
        """Whether anything that was skipped may be a report."""
        self._examples: dict[tuple[str, str], dict[tuple[str, tuple[str, ...]], Example]] = {}
        """(finding, cause) → (site, endpoints) → the words of the first host that told it."""
        self._parts: dict[_Key, tuple[Member, ...]] = {}
        """What is known of each host: its reports that count, the newest first."""
        self._hosts_now: tuple[tuple[str, tuple[Member, ...]], ...] | None = None
        self._members_now: tuple[Member, ...] | None = None
        self._called: dict[str, str] = {}
        """Source → what the host is called, where that is not the name in its report."""

    def add(self, found: Document | Skipped) -> None:
        """Take one document up, or note why it cannot be."""
        if isinstance(found, Skipped):
            self._skip(found)
            return
        try:
            taken = take(found.data, found.source, found.stem)
        except NotAReportError as exc:
            self._skip(Skipped(source=found.source, reason=str(exc), may_be_report=exc.may_be_report))
            return
        self.reports += 1
        member = self._dated(taken.member)
        for seen, sentence in zip(member.findings, taken.sentences, strict=True):
            told = self._examples.setdefault((seen.id, seen.cause), {})
            if len(told) < MOST_EXAMPLES:
                told.setdefault(
                    (member.site, seen.endpoints), Example(host=member.name, sentence=sentence, source=member.source)
                )
        self._place(member)

    def _dated(self, member: Member) -> Member:
        """A report from the future has no date: it would count as the newest of its host for years."""
        if self._latest is None or member.moment is None or member.moment <= self._latest:
            return member
        if len(self.ahead) < MOST_TOLD:
            self.ahead[member.source] = member.started_at
        return replace(member, moment=None)

    def _skip(self, skipped: Skipped) -> None:
        self.has_unread_reports |= skipped.may_be_report
        if len(self.skipped) < MOST_TOLD:
            self.skipped.append(skipped)
        else:
            self.skipped_more += 1

    def _place(self, member: Member) -> None:
        """Keep what counts of a host; see :mod:`netprobe.fleet.parts`."""
        key = (member.name, member.machine_id, "" if member.is_named else member.source)
        if member.is_named and member.addresses:
            of_address = (member.name, member.machine_id, member.addresses[0])
            known = self._parts.get(key)
            if of_address in self._parts or (known is not None and _is_another(member, known[0])):
                key = of_address
        self._parts[key] = counting((*reversed(self._parts.get(key, ())), member))
        self._hosts_now = self._members_now = None

    @property
    def superseded(self) -> int:
        """Reports that a newer one of the same host replaces."""
        return self.reports - sum(len(parts) for _, parts in self._hosts())

    def with_wrong_clocks(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of some hosts whose reports say that the host's clock is wrong: their dates tell no age."""
        wanted = set(names)
        skewed = (one for one in self.members() if any(map(_is_wrong_clock, one.findings)))
        return tuple(one.name for one in skewed if one.name in wanted)

    def copies(self) -> tuple[tuple[str, ...], ...]:
        """Names that share a machine id and count as a host each: a host that was renamed, or copies of an image."""
        names: dict[str, set[str]] = defaultdict(set)
        for machine_id, parts in self._hosts():
            names[machine_id].update(one.name for one in parts)
        return tuple(sorted(tuple(natural.ordered(found)) for id_, found in names.items() if id_ and len(found) > 1))

    def nameless(self) -> tuple[str, ...]:
        """Sources of reports that name no host and are called alike: each counts as a host."""
        return tuple(natural.ordered(key[2] for key in self._apart() if self._names_none(key)))

    def twins(self) -> tuple[str, ...]:
        """Names that several hosts share with their machine id."""
        return tuple(natural.ordered({key[0] for key in self._apart() if not self._names_none(key)}))

    def _apart(self) -> set[_Key]:
        """Reports that are nobody else's, whatever name and machine id say."""
        alike = Counter(key[0] for key in self._parts if self._names_none(key))
        return {key for key in self._parts if key[2] and (alike[key[0]] > 1 or not self._names_none(key))}

    def _names_none(self, key: _Key) -> bool:
        return not self._parts[key][0].is_named

    def _hosts(self) -> tuple[tuple[str, tuple[Member, ...]], ...]:
        """Each host's machine id and reports, once whatever they call it."""
        if self._hosts_now is not None:
            return self._hosts_now
        ids: dict[str, set[str]] = defaultdict(set)
        domains: dict[tuple[str, str], set[str]] = defaultdict(set)
        for name, machine_id, _ in self._parts:
            ids[name].add(machine_id)
            first, _, domain = name.lower().partition(".")
            domains[machine_id, first].add(domain)
        apart = self._apart()
        hosts: dict[_Key, tuple[Member, ...]] = {}
        for (name, machine_id, place), parts in self._parts.items():
            if (name, machine_id, place) in apart:
                hosts[name, machine_id, place] = parts
                continue
            known = ids[name] - {""}
            whose = next(iter(known)) if len(known) == 1 else machine_id
            first = name.lower().partition(".")[0]
            is_one = whose and len(domains[whose, first] - {""}) < 2
            key = (first if is_one else name, whose, "")
            hosts[key] = counting((*reversed(hosts.get(key, ())), *reversed(parts)))
        self._hosts_now = tuple((whose, parts) for (_, whose, _), parts in hosts.items())
        return self._hosts_now

    def example(self, id_: str, cause: str, endpoints: Iterable[str], site: str = "") -> Example:
        """How a host words a cause: one of the site if it is named and has any, and of these endpoints.

        Args:
            id_: the finding.
            cause: what makes it one cause.
            endpoints: what the cause touches.
            site: where the host should stand, or nothing.
        """
        within = set(endpoints)
        every = self._examples.get((id_, cause), {})
        of_site = {key: example for key, example in every.items() if key[0] == site} or every
        fitting = [example for (_, touched), example in of_site.items() if within.issuperset(touched)]
        found = next(iter((*fitting, *of_site.values())), NOBODY)
        self.members()  # which says how each host is called
        return replace(found, host=self._called.get(found.source, found.host))

    def members(self) -> tuple[Member, ...]:
        """Every host once, by site and name; hosts that share a name are told apart."""
        if self._members_now is None:
            whole = [together(parts, self._since) for _, parts in self._hosts()]
            named = sorted(_named_apart(whole), key=lambda one: (natural.key(one.site), natural.key(one.name)))
            self._members_now = tuple(named)
            raw = {one.source: one.name for one in whole}
            self._called = {one.source: one.name for one in named if raw[one.source] != one.name}
        return self._members_now


def _is_wrong_clock(seen: HostFinding) -> bool:
    return seen.id == "clock_skew" and seen.severity is Severity.ERROR


def _is_another(one: Member, other: Member) -> bool:
    """Whether two reports of one name and machine id are of two machines; see :data:`_SAME_TIME`."""
    if not other.addresses or one.moment is None or other.moment is None or one.source == other.source:
        return False
    return set(one.addresses).isdisjoint(other.addresses) and abs(one.moment - other.moment) < _SAME_TIME


def _named_apart(members: Iterable[Member]) -> Iterator[Member]:
    alike: dict[str, list[Member]] = defaultdict(list)
    for one in members:
        alike[one.name].append(one)
    used = Counter(alike.keys())
    for name, same in alike.items():
        if len(same) == 1:
            yield same[0]
            continue
        ids = Counter(one.machine_id for one in same)
        folders = _folders([one.source for one in same if not one.is_named])
        for number, one in enumerate(sorted(same, key=lambda one: (one.site, one.machine_id, one.source)), start=1):
            mark = one.machine_id[:8] if ids[one.machine_id] == 1 else next(iter(one.addresses), "")
            mark = folders.get(one.source) or mark or str(number)
            told = f"{name} ({mark})"
            while used[told]:
                told = f"{told}'"
            used[told] += 1
            yield replace(one, name=told)


def _folders(sources: Sequence[str]) -> dict[str, str]:
    """The folder that tells files apart which are called alike: the last one that is another for each of them."""
    above = [source.split("/")[-2::-1] for source in sources]
    for names in zip(*above, strict=False):
        if len(set(names)) == len(sources) and all(names):
            return dict(zip(sources, names, strict=True))
    return {}
