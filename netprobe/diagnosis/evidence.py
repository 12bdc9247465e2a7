"""Indexes over a run's observations: what one vantage saw of one host, path by path.

The rules ask this module, never the flat list. What one vantage saw of one host is a :class:`View`. Control probes
stay apart (:meth:`Evidence.controls`), because they must never count as "the host works". Which hosts must work
at all, and which names may be missing, is decided here, since it takes the whole run to say so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, TypeVar

import msgspec

from netprobe.diagnosis import answered, details, numbered, service
from netprobe.diagnosis.addresses import AddressClass, classify, family
from netprobe.diagnosis.lookups import Lookups
from netprobe.diagnosis.stalls import Stalls
from netprobe.diagnosis.tries import Luck, Tries, key, repeats
from netprobe.diagnosis.views import STEPS, State, View, ViewedPath, cannot_resolve
from netprobe.observations import (
    NOT_KEPT,
    Context,
    DnsDetail,
    Experiment,
    Failure,
    Observation,
    Run,
    Step,
    Subject,
    VantageRecord,
)

_WEB_PORTS = frozenset({80, 443})
T = TypeVar("T")


class Evidence:
    """Everything the rules may ask of one run.

    Args:
        run: the run.
        not_made: ids of failures that count as if they had not been seen (:mod:`netprobe.diagnosis.undecided`).
    """

    def __init__(self, run: Run, *, not_made: frozenset[str] = frozenset()) -> None:
        self.not_made = not_made
        self.run = run
        self.context: Context = run.context
        self.vantages: dict[str, VantageRecord] = {record.name: record for record in run.context.vantages}
        self.stalls = Stalls(run.context.stalls)
        self._found_once: dict[Hashable, Any] = {}
        self._subjects_of: dict[tuple[str, int], list[Subject]] = defaultdict(list)
        by_name = {(subject.id, subject.region): subject for subject in run.subjects}
        for subject in run.subjects:
            for host in subject.candidates:
                self._subjects_of[host, subject.port].append(subject)
        for o in run.observations:
            subject_or_none = by_name.get((o.endpoint, o.region))
            if o.experiment is None and subject_or_none is not None:
                known = self._subjects_of[o.host, o.port]
                if subject_or_none not in known and not known:
                    known.append(subject_or_none)
        self._repeats = repeats(run.observations)
        self._experiments: dict[str, list[Observation]] = defaultdict(list)
        self._experiments_of: dict[tuple[str, str, str], list[Observation]] = defaultdict(list)
        for o in run.observations:
            if o.experiment is not None:
                self._experiments[o.experiment].append(o)
                self._experiments_of[o.experiment, o.vantage, o.host].append(o)
        self.views: tuple[View, ...] = tuple(self._views())
        self._luck = self._counted()
        self._by_subject: dict[tuple[str, str], list[View]] = defaultdict(list)
        for view in self.views:
            for subject in view.subjects:
                self._by_subject[subject.id, subject.region].append(view)

    def once(self, what: Hashable, find: Callable[[], T]) -> T:
        """What a rule finds by looking at more than its host; found once, since it is asked for every host of the run.

        Args:
            what: which question it answers.
            find: looks.
        """
        if what not in self._found_once:
            self._found_once[what] = find()
        found: T = self._found_once[what]
        return found

    def _views(self) -> Iterator[View]:
        groups: dict[tuple[str, str, int], list[Observation]] = defaultdict(list)
        for o in self.run.observations:
            if o.experiment is None:
                groups[o.vantage, o.host, o.port].append(o)
        for (vantage, host, port), observations in groups.items():
            subjects = tuple(self._subjects_of.get((host, port), ()))
            if subjects and all(host in subject.absent for subject in subjects):
                continue
            record = self.vantages.get(vantage)
            also = tuple(dict.fromkeys(name for o in observations for name in o.shared_with))
            subjects = self._business_of((vantage, *also), subjects)
            wanted = set(self.context.families)
            if record is not None:
                wanted &= set(record.families)
            chances: list[Tries] = []
            asked = [o for o in observations if o.step is Step.DNS and o.id not in self.not_made]
            dns = [self._as_asked_again(o, chances) for o in asked]
            lookups = Lookups.of(dns, record.resolvers if record else (), wanted)
            proxied = any(o.step is Step.PROXY for o in observations)
            steps = [o for o in observations if o.step is not Step.DNS]
            paths = tuple(self._as_tried_again(path, chances) for path in self._paths(steps, subjects, wanted))
            sinkholed = tuple(a for a in lookups.addresses if self.address_class(a) is AddressClass.SINKHOLED)
            yield View(
                vantage=vantage,
                host=host,
                port=port,
                subjects=subjects,
                proxied=proxied,
                lookups=lookups,
                paths=paths,
                sinkholed=() if proxied else sinkholed,
                also=also,
                cut=any(host in subject.unfinished for subject in subjects),
                chances=tuple(chances),
                own=host in self.context.own_hosts,
                undecided=self._is_undecided(observations),
            )

    def _business_of(self, vantages: Iterable[str], subjects: tuple[Subject, ...]) -> tuple[Subject, ...]:
        """The endpoints of a host that these vantages are held to; two endpoints may share a host."""
        records = [self.vantages[name] for name in vantages if name in self.vantages]
        if not records or any(record.answers_for is None for record in records):
            return subjects
        programs = {program for record in records for program in record.answers_for or ()}
        return tuple(s for s in subjects if not programs.isdisjoint(s.used_by)) or subjects

    def tries(self, failed: Observation) -> Tries | None:
        """How a failure of the first pass fared when it was tried again; None where it was not."""
        attempts = self._repeats.get(key(failed))
        if not attempts:
            return None
        return Tries(failed=failed, made=tuple(tuple(attempts[number]) for number in sorted(attempts)))

    def _is_undecided(self, observations: Sequence[Observation]) -> bool:
        """Whether a failure of a host counts as not made: of its first pass, or of what a try met further on."""
        one = observations[0]
        tried = self._experiments_of.get((Experiment.REPEAT, one.vantage, one.host), ())
        return bool(self.not_made) and any(o.id in self.not_made for o in (*observations, *tried))

    def luck_of(self, failed: Observation) -> Luck | None:
        """How often failures like this one pass when they are tried again, at whatever host; None: none of them did."""
        return self._luck.get((failed.vantage, failed.step, failed.failure))

    def luck_at(self, vantage: str, steps: Collection[Step]) -> Luck | None:
        """The same of whatever failure at one of these steps."""
        mine = [view for view in self.views if view.vantage == vantage]
        alike = [tries for view in mine for tries in view.chances if tries.failed.step in steps]
        return Luck.of(alike, names=len(mine)) if alike else None

    def _counted(self) -> dict[tuple[str, Step, Failure | None], Luck]:
        """The tries of all that passed sometimes, by vantage and kind of failure."""
        names: dict[str, int] = defaultdict(int)
        alike: dict[tuple[str, Step, Failure | None], list[Tries]] = defaultdict(list)
        for view in self.views:
            names[view.vantage] += 1
            for tries in view.chances:
                alike[view.vantage, tries.failed.step, tries.failed.failure].append(tries)
        return {kind: Luck.of(found, names=names[kind[0]]) for kind, found in alike.items()}

    def made_for(self, failed: Observation, *experiments: Experiment) -> tuple[Observation, ...]:
        """The control probes that were made for the host of a failure, at whatever address.

        Args:
            failed: the failure.
            experiments: which ones.
        """
        mine = (failed.vantage, failed.host, failed.port)
        of_host = (self._experiments_of.get((name, failed.vantage, failed.host), ()) for name in experiments)
        return tuple(o for made in of_host for o in made if (o.vantage, o.host, o.port) == mine)

    def _as_asked_again(self, o: Observation, chances: list[Tries]) -> Observation:
        """A lookup as it ended; where it failed and passes now, as it ends now."""
        tries = self.tries(o) if o.failure is not None else None
        if tries is None or not tries.passing:
            return o
        chances.append(tries)
        return msgspec.structs.replace(tries.best[0], experiment=None)

    def _as_tried_again(self, path: ViewedPath, chances: list[Tries]) -> ViewedPath:
        """A way as it ended; where it failed and passes now, as it ends now."""
        tries = self.tries(path.failed) if path.failed is not None else None
        if tries is None or not tries.passing:
            if path.failed is not None and path.failed.id in self.not_made:
                return _known_of(path, path.failed)
            return self._as_rested_again(self._outweighed(path), chances)
        chances.append(tries)
        steps = tuple(msgspec.structs.replace(o, experiment=None) for o in tries.best)
        again = ViewedPath(address=path.address, steps=answered.settle(steps), complete=True)
        if tries.is_stopped_later and again.failed is not None:
            return _known_of(again, again.failed) if again.failed.id in self.not_made else self._outweighed(again)
        return again

    def _outweighed(self, path: ViewedPath) -> ViewedPath:
        return msgspec.structs.replace(path, outweighed=frozenset(answered.outweighed(path.steps, self.same_way)))

    def _as_rested_again(self, path: ViewedPath, chances: list[Tries]) -> ViewedPath:
        """A way of which the idle connection was cut once and held the second time, without the cut."""
        cut = next((o for o in path.steps if o.failure is Failure.WEBSOCKET_CUT), None)
        tries = self.tries(cut) if cut is not None else None
        if tries is None or not tries.passing:
            return path
        chances.append(tries)
        steps = tuple(msgspec.structs.replace(o, failure=None) if o is cut else o for o in path.steps)
        return msgspec.structs.replace(path, steps=steps)

    def _paths(
        self, observations: Iterable[Observation], subjects: tuple[Subject, ...], wanted: set[int]
    ) -> Iterator[ViewedPath]:
        """One path for each address of a family that this vantage uses."""
        by_address: dict[str | None, list[Observation]] = defaultdict(list)
        proxied = [o for o in observations if o.step is Step.PROXY]
        for o in observations:
            # A proxy's chain is one path, whatever address each of its steps names.
            by_address[None if proxied else o.address].append(o)
        for address, steps in by_address.items():
            if address is not None and wanted and family(address) not in wanted:
                continue
            ordered = answered.settle(sorted(steps, key=lambda o: (STEPS[o.step], o.started_seconds)))
            yield ViewedPath(address=address, steps=ordered, complete=self._complete(ordered, subjects))

    def same_way(self, experiment: Experiment, o: Observation, step: Step) -> tuple[Observation, ...]:
        """The control probes of one kind that are like an observation, of one step."""
        return self.controls(experiment, like=o, step=step)

    def _complete(self, steps: tuple[Observation, ...], subjects: tuple[Subject, ...]) -> bool:
        """Whether a chain was walked to its end; what a deadline cut off is not a pass."""
        made = {o.step for o in steps}
        port = steps[0].port
        if port in _WEB_PORTS and Step.HTTP not in made and Step.WEBSOCKET not in made:
            return False
        cut_short = self.context.deadline_reached or self.context.interrupted
        wants_websocket = any(subject.upgrade for subject in subjects)
        return not (cut_short and wants_websocket and Step.WEBSOCKET not in made)

    def address_class(self, address: str) -> AddressClass:
        """What kind of address this is in this run."""
        return self.once((classify, address), lambda: classify(address, self.context))

    def of(self, subject: Subject) -> tuple[View, ...]:
        """Every view of the hosts of one endpoint."""
        return tuple(self._by_subject.get((subject.id, subject.region), ()))

    def controls(
        self,
        experiment: Experiment,
        *,
        like: Observation | None = None,
        step: Step | None = None,
        same_host: bool = True,
    ) -> tuple[Observation, ...]:
        """The control probes of one kind.

        Args:
            experiment: which kind.
            like: only those that the same vantage made for the same host (and address, where both have one).
            step: only this step.
            same_host: with False, any name at the same address counts (``other_sni``).
        """
        if like is not None and same_host:
            # Asked for every host of a run: looking through the controls of all of them would take their square.
            found = self._experiments_of.get((experiment, like.vantage, like.host), [])
        else:
            found = self._experiments.get(experiment, [])
        if step is not None:
            found = [o for o in found if o.step is step]
        if like is not None:
            found = [o for o in found if o.vantage == like.vantage and _comparable(o, like, same_host)]
        return tuple(found)

    def verified_below(self, vantage: str, *, roots: Iterable[str], issuers: Iterable[str]) -> Observation | None:
        """A handshake that verified to one of some roots, or whose chain ends below one of some issuers.

        Args:
            vantage: who made it.
            roots: SHA-256 of certificates.
            issuers: RFC 4514 names.
        """
        known = [(vantage, "root", root) for root in roots]
        known += [(vantage, "issuer", issuer) for issuer in issuers]
        return next((self._verified[key] for key in known if key in self._verified), None)

    @cached_property
    def _verified(self) -> dict[tuple[str, str, str], Observation]:
        """The first handshake that verified to each root, and to a root behind each issuer, of each vantage."""
        found: dict[tuple[str, str, str], Observation] = {}
        for view in self.views:
            for path in view.paths:
                for step in path.steps:
                    detail = details.tls(step)
                    if detail is None or step.failure is not None or not detail.root_sha256:
                        continue
                    found.setdefault((view.vantage, "root", detail.root_sha256), step)
                    for last in detail.chain[-1:]:
                        if last.issuer != NOT_KEPT:
                            found.setdefault((view.vantage, "issuer", last.issuer), step)
        return found

    def found(self, subject: Subject) -> bool:
        """Whether any name of a numbered endpoint is known to exist."""
        return any(view.exists for view in self.of(subject) if view.state is not State.ABSENT)

    def _named(self, region: str, name: str | None) -> Subject | None:
        return next((s for s in self.run.subjects if s.region == region and s.id == name), None)

    def stand_in(self, subject: Subject) -> Subject | None:
        """The un-numbered endpoint that stands in for a numbered one."""
        here = (s for s in self.run.subjects if s.region == subject.region)
        return next((s for s in here if s.stands_in_for == subject.id), None)

    def touched(self, view: View) -> tuple[Subject, ...]:
        """The endpoints of a view; an un-numbered name that has to stand in touches the numbered endpoint, too."""
        found = list(view.subjects)
        for subject in view.subjects:
            replaced = self._named(subject.region, subject.stands_in_for) if subject.stands_in_for else None
            if replaced is not None and self.requires(subject, view):
                found.append(replaced)
        return tuple(found)

    def requires(self, subject: Subject, view: View) -> bool:
        """Whether the host is not ready when this view of this endpoint is broken.

        Of numbers, :mod:`netprobe.diagnosis.numbered` says which; the un-numbered name is required only where none
        was found, and every number was asked for.
        """
        if service.shows_a_name_of_its_own(self, view):
            return False
        if subject.stands_in_for is not None:
            replaced = self._named(subject.region, subject.stands_in_for)
            if replaced is not None:
                return replaced.required and not replaced.unfinished and not self.found(replaced)
            return subject.required
        if subject.numbered:
            return numbered.requires(self, subject, view)
        return subject.required

    def required(self, view: View) -> bool:
        """Whether any endpoint requires this view to work."""
        return any(self.requires(subject, view) for subject in view.subjects)

    def unneeded(self, view: View) -> bool:
        """Whether the name's absence is no fault at all.

        An absent candidate number, an un-numbered name that does not exist where numbered ones do or where none was
        found either (then nobody knows what AWS calls the service here), and a registry name that was made up from a
        placeholder account.
        """
        if view.state is State.ABSENT:
            return True
        if self.made_up(view) or self.without_any_name(view):
            return True
        if view.state is not State.BROKEN or not (_missing(view) or self._like_impossible(view)):
            return False
        return bool(view.subjects) and all(
            subject.placeholder_account or (subject.stands_in_for is not None and not self.requires(subject, view))
            for subject in view.subjects
        )

    def without_any_name(self, view: View) -> bool:
        """An un-numbered name that everybody denies, as they deny every number that was tried for it."""
        if view.state is not State.BROKEN or not _missing(view) or view.exists or not view.subjects:
            return False
        return all(self._no_number_for(subject) for subject in view.subjects)

    def _no_number_for(self, subject: Subject) -> bool:
        replaced = self._named(subject.region, subject.stands_in_for) if subject.stands_in_for is not None else None
        if replaced is None or replaced.unfinished:
            return False
        return all(view.state is State.ABSENT for view in self.of(replaced))

    def made_up(self, view: View) -> bool:
        """A name that netprobe guessed, which the resolver answers like a name that cannot exist: it proves nothing."""
        guessed = bool(view.subjects) and all(s.placeholder_account or s.stands_in_for for s in view.subjects)
        if not guessed or view.proxied or any(self.requires(s, view) for s in view.subjects if s.stands_in_for):
            return False
        wildcard = self.given_for_anything(view.vantage)
        return bool(wildcard) and bool(view.lookups.addresses) and wildcard.issuperset(view.lookups.addresses)

    def given_for_anything(self, vantage: str) -> frozenset[str]:
        """The addresses that a vantage's resolvers give for names that cannot exist."""
        return self.once(
            ("given for anything", vantage),
            lambda: frozenset(
                address
                for o in self.controls(Experiment.IMPOSSIBLE_NAME)
                if isinstance(o.detail, DnsDetail) and o.vantage == vantage and o.failure is None
                for address in o.detail.answers
            ),
        )

    def _like_impossible(self, view: View) -> bool:
        """Whether the proxy answers for this name as for one that cannot exist; few say that it is missing."""
        o = view.failed
        if not view.proxied or o is None:
            return False
        controls = self.controls(Experiment.IMPOSSIBLE_NAME, step=o.step)
        return any(c.vantage == o.vantage and _answered_alike(c, o) for c in controls)

    def unknown_candidate(self, view: View) -> bool:
        """A guessed number whose lookup failed, so that nobody knows whether it exists.

        Beside an un-numbered name that shares its fate the failure is a consequence. Where other numbers were found,
        silence about one more guess tells nothing: most of them do not exist.
        """
        if not (view.candidate and view.state is State.BROKEN) or view.exists:
            return False
        if self.unheard(view):
            return True
        return all(
            self.stand_in(subject) is not None and not self.found(subject) and self._broken(self.stand_in(subject))
            for subject in view.subjects
        )

    def unheard(self, view: View) -> bool:
        """Whether no resolver said anything of a guessed number, while other numbers of its endpoints were found."""
        silent = bool(view.lookups.every) and all(o.failure is Failure.TIMEOUT for o in view.lookups.every)
        return view.candidate and silent and not view.exists and all(map(self.found, view.subjects))

    def _broken(self, subject: Subject | None) -> bool:
        return subject is not None and any(view.state is State.BROKEN for view in self.of(subject))


def _known_of(path: ViewedPath, failed: Observation) -> ViewedPath:
    """A way of which a failure counts as not made: the steps before it, and not its end."""
    return ViewedPath(address=path.address, steps=path.steps[: path.steps.index(failed)], complete=False)


def _answered_alike(one: Observation, other: Observation) -> bool:
    """The same failure, with the same status where there is one."""
    statuses = [getattr(o.detail, "status", None) for o in (one, other)]
    return one.failure is not None and one.failure == other.failure and statuses[0] == statuses[1]


def _missing(view: View) -> bool:
    """Whether the name does not exist, as far as whoever resolves it can tell."""
    if view.proxied:
        return bool(view.paths) and all(cannot_resolve(path) for path in view.paths)
    return view.lookups.missing and not view.lookups.addresses


def _comparable(o: Observation, like: Observation, same_host: bool) -> bool:
    if not same_host and o.address is not None and o.address == like.address:
        return True
    same_address = o.address is None or like.address is None or o.address == like.address
    return o.host == like.host and o.port == like.port and same_address
