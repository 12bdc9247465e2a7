"""Hold an existing configuration against what is needed: what does it not admit, and which of its rules nobody needs?

Pure but for :func:`read`. The readers (``render.readers``) turn a configuration into rules, each of which can say
whether it admits a name or an address. Names are tried, not proven: a pattern counts as admitted when every sample of
it is (the numbers 1, 9, 22 and 999 for ``ecs-a-*``), so that an enumeration is told as what it is, too short.
"""

from __future__ import annotations

import functools
import ipaddress
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from netprobe import reading
from netprobe.catalog.model import Endpoint
from netprobe.errors import MissingInputError, UnreadableFileError, UsageError, printable
from netprobe.render import readers
from netprobe.render.lowering import asked_for
from netprobe.render.model import Claim, Form, Need, Options
from netprobe.render.readers import Configuration, ReadRule

MAX_BYTES = 32 << 20
MAX_FILES = 64
_MENTION = re.compile(
    r'^([ \t]*acl[ \t][^\n"]*?)(?:-f[ \t]+)?"?/[^"\s]*/([A-Za-z0-9._-]{1,100})"?[ \t]*$', re.MULTILINE
)
"""A list in another file, at the end of a line of Squid or HAProxy."""
SAMPLES = ("1", "9", "22", "999")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What was found.

    Attributes:
        missing: endpoints that the configuration does not admit, or not entirely.
        unknown: endpoints that no rule admits, where part of the configuration cannot be read.
        admitted: endpoints that it admits.
        wide: rules that admit far more than any endpoint, and what.
        dead: entries that never match anything, or that another covers.
        spare: rules that admit nothing that is needed.
        notes: what the reader could not judge.
        gaps: networks and addresses that it does not admit, one by one: whose, which, and the port.
    """

    missing: tuple[Endpoint, ...]
    spare: tuple[ReadRule, ...]
    notes: tuple[str, ...]
    unknown: tuple[Endpoint, ...] = ()
    admitted: tuple[Endpoint, ...] = ()
    wide: tuple[tuple[ReadRule, str], ...] = ()
    dead: tuple[str, ...] = ()
    gaps: tuple[tuple[str, str, int], ...] = ()


def read(path: Path, target: str) -> Configuration:
    """Read a configuration of a target.

    Raises:
        UsageError: netprobe cannot read that target back.
        UnreadableFileError: the file cannot be read.
    """
    reader = readers.READERS.get(target)
    if reader is None:
        known = ", ".join(readers.READERS)
        raise UsageError(target, "netprobe cannot read this target back", f"compare with one of {known}")
    folder, paths = path.parent, [path]
    if os.path.isdir(path):
        folder = path
        paths = sorted(path / name for name in _listed(path) if os.path.isfile(path / name) and name[0] != ".")
    texts: dict[str, str] = {}
    room = MAX_BYTES
    for one in paths[:MAX_FILES]:
        texts[one.name] = _text(one, room)
        room -= len(texts[one.name])
    if target.startswith(("squid", "haproxy")):
        lists = {name for text in texts.values() for _, name in _MENTION.findall(text)}
        for name in sorted(lists - set(texts))[:MAX_FILES]:
            if os.path.isfile(folder / name):
                texts[name] = _text(folder / name, room)
                room -= len(texts[name])
        return reader("\n".join(_inlined(text, texts) for name, text in texts.items() if name not in lists))
    if target == "firewalld":
        return reader("\n".join(readers.in_file(name, text) for name, text in texts.items()))
    return reader("\n".join(texts.values()))


def read_table(text: str) -> Configuration:
    """Read a change request whose cells somebody took out of a workbook already."""
    return readers.READERS["csv"](text)


def text_of(path: Path) -> str:
    """The text of one file, within the limit on size."""
    return _text(path, MAX_BYTES)


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError as exc:
        reason = f"cannot be read ({reading.reason(exc)})"
        raise UnreadableFileError(str(folder), reason, "name the configuration that is in use") from exc


def _text(path: Path, most: int) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(max(most, 0) + 1)
    except OSError as exc:
        reason = f"cannot be read ({(exc.strerror or '').lower()})"
        raise UnreadableFileError(str(path), reason, "name the configuration that is in use") from exc
    if len(data) > most:
        raise UnreadableFileError(str(path), f"is larger than {MAX_BYTES >> 20} MiB", "name one configuration file")
    return reading.unmarked(data, str(path)).decode("utf-8", "replace")


def _inlined(text: str, texts: Mapping[str, str]) -> str:
    """Lists that stand beside a configuration (by their name alone, never by their path), in place of their mention."""

    def values(found: re.Match[str]) -> str:
        listed = texts.get(found.group(2))
        if listed is None:
            return found.group(0)
        words = (line.partition("#")[0].strip() for line in listed.split("\n"))
        return found.group(1) + " ".join(word for word in words if word)

    return _MENTION.sub(values, text)


def compare(configuration: Configuration, endpoints: Sequence[Endpoint], options: Options) -> Comparison:
    """Try every endpoint on every rule.

    Args:
        configuration: as it was read.
        endpoints: what is needed.
        options: names and addresses that were seen.

    Raises:
        MissingInputError: the rules are about addresses, and no addresses are known.
    """
    if configuration.by_address and options.addresses is None:
        raise MissingInputError(
            Need.ADDRESSES, "the configuration's rules are about addresses", "give the addresses of the endpoints"
        )
    # The endpoints of a region share its networks, and a configuration may hold thousands of them.
    answers = functools.cache(configuration.answers)
    passing: list[Endpoint] = []
    lacking: list[Endpoint] = []
    open_: list[Endpoint] = []
    questions: set[tuple[str, int]] = set()
    for endpoint in endpoints:
        asked = {(probe, endpoint.port) for probe in _probes(endpoint, configuration, options)}
        questions |= asked
        found = {answers(probe, port) for probe, port in asked}
        if found == {True}:
            passing.append(endpoint)
        else:
            (open_ if None in found and False not in found else lacking).append(endpoint)
    wide = tuple(_wide(configuration, endpoints))
    told = {id(rule) for rule, _ in wide}
    spare = [rule for rule in configuration.rules if id(rule) not in told and not _is_needed(rule, questions)]
    gaps: Iterable[tuple[str, str, int]] = ()
    if configuration.by_address:
        gaps = dict.fromkeys(_gaps(endpoints, options, lambda probe, port: answers(probe, port) is True))
    # Where part of it cannot be read, that part may admit them.
    missing, unknown = ((), (*lacking, *open_)) if configuration.unread else (lacking, open_)
    return Comparison(
        missing=tuple(missing),
        unknown=tuple(unknown),
        admitted=tuple(passing),
        spare=tuple(spare),
        notes=tuple(_notes(configuration)),
        wide=wide,
        dead=(*configuration.dead, *_covered(configuration.rules)),
        gaps=tuple(gaps),
    )


def _is_needed(rule: ReadRule, questions: Iterable[tuple[str, int]]) -> bool:
    return any(rule.admits(probe, port) for probe, port in questions)


def _notes(configuration: Configuration) -> Iterator[str]:
    """What could not be judged, and whether anything was read at all."""
    yield from configuration.notes
    for part in configuration.unread:
        yield f"cannot be read: {part}"
    if not (configuration.rules or configuration.notes or configuration.unread or configuration.dead):
        # An empty rule set reads the same as a script, or another device's file.
        yield "no rule that admits anything was read in it: is this the configuration of that device?"


def _wide(configuration: Configuration, endpoints: Sequence[Endpoint]) -> Iterator[tuple[ReadRule, str]]:
    """Rules that admit far more than any endpoint, and what."""
    regions = tuple(dict.fromkeys(e.region for e in endpoints))
    ports = tuple(dict.fromkeys(e.port for e in endpoints))
    for rule in configuration.rules:
        much = _too_wide(rule, regions, ports)
        if much:
            yield rule, much


def _gaps(
    endpoints: Sequence[Endpoint], options: Options, admitted: Callable[[str, int], bool]
) -> Iterator[tuple[str, str, int]]:
    """Networks of a region (or addresses of a name) that are not admitted, or not from end to end."""
    addresses = options.addresses
    if addresses is None:
        return
    for endpoint in endpoints:
        if addresses.by_region is not None:
            for network in addresses.by_region.get(endpoint.region, ()):
                if not all(admitted(end, endpoint.port) for end in _ends(network)):
                    yield endpoint.region, network, endpoint.port
            continue
        for name in _names(endpoint, options):
            for address in (addresses.by_host or {}).get(name, ()):
                if not admitted(address, endpoint.port):
                    yield name, address, endpoint.port


_ANYWHERE = ("203.0.113.77", "198.51.100.77", "192.0.2.77")
_STRANGER = "np-witness.example"
_STRANGERS = (f"ecs.us-east-2.amazonaws.com.{_STRANGER}", f"evil-ecs.us-east-2.amazonaws.com.{_STRANGER}")


def _too_wide(rule: ReadRule, regions: Sequence[str], ports: Sequence[int]) -> str:
    """What a rule admits far beyond any endpoint, in words; nothing where it does not."""
    on = [port for port in ports if port in rule.ports]
    if not on:
        return ""
    where = f"port {' and '.join(map(str, on))}"
    if rule.matches(_STRANGER) or all(map(rule.matches, _ANYWHERE)):
        return f"every destination on {where}"
    if any(map(rule.matches, _STRANGERS)):
        return "names of other domains, since it is not anchored at its end"
    if rule.matches("np-witness.amazonaws.com") and rule.matches("np-witness.s3.amazonaws.com"):
        return "all of amazonaws.com, any customer's bucket among it"
    for region in regions:
        if rule.matches(f"np-witness.s3.{region}.amazonaws.com"):
            return f"any customer's bucket in {region}"
    return ""


def _covered(rules: Sequence[ReadRule]) -> Iterator[str]:
    """Names that stand beneath another entry of the same ports, which admits them already."""
    claims = [(rule, claim) for rule in rules if (claim := _claim(rule)) is not None]
    trees = {(claim.value, rule.ports) for rule, claim in claims if claim.form in (Form.SUBTREE, Form.SUFFIX)}
    for rule, claim in claims:
        if "*" in claim.value:
            continue
        for parent in _parents(claim.value):
            if (parent, rule.ports) in trees:
                yield f"line {rule.line}: {claim.value} is covered by {parent}"
                break


def _parents(name: str) -> Iterator[str]:
    """The names above a name, the nearest first."""
    while "." in name:
        name = name.partition(".")[2]
        yield name


def _claim(rule: ReadRule) -> Claim | None:
    """The claim that a rule's predicate is, where it is one."""
    owner = getattr(rule.matches, "__self__", None)
    return owner if isinstance(owner, Claim) else None


def _probes(endpoint: Endpoint, configuration: Configuration, options: Options) -> tuple[str, ...]:
    """What must be admitted for an endpoint: names, or addresses."""
    pattern = asked_for(endpoint)
    seen = options.seen.get(pattern.pattern)
    if not configuration.by_address:
        names = list(seen.names) if seen else []
        stars = SAMPLES if endpoint.numbered else ("123456789012",)
        names += [pattern.pattern.replace("*", star) for star in stars]  # an exact name has none, and stays
        return tuple(dict.fromkeys(names))
    addresses = options.addresses
    if addresses is None:
        return ()
    if addresses.by_region is not None:
        # A network is tried by its ends: whole networks are what such rules hold, or a part from the one end.
        networks = addresses.by_region.get(endpoint.region, ())
        return tuple(chain.from_iterable(map(_ends, networks)))
    by_host = addresses.by_host or {}
    return tuple(chain.from_iterable(by_host.get(name, ()) for name in _names(endpoint, options)))


def _names(endpoint: Endpoint, options: Options) -> tuple[str, ...]:
    """The names of an endpoint whose addresses are known: its own, or those that were seen."""
    pattern = asked_for(endpoint)
    seen = options.seen.get(pattern.pattern)
    if pattern.is_exact:
        return (pattern.pattern,)
    return seen.names if seen else ()


@functools.lru_cache(maxsize=1 << 14)
def _ends(network: str) -> tuple[str, str]:
    parsed = ipaddress.ip_network(network)
    return str(parsed[0]), str(parsed[-1])


def lines(found: Comparison) -> list[str]:
    """The comparison in plain words."""
    told = _section("not admitted", map(_endpoint, found.missing))
    if found.unknown:
        told += _section("unknown, since part of it cannot be read", map(_endpoint, found.unknown))
    if found.gaps:
        gaps = (f"{network}, port {port} ({of})" for of, network, port in found.gaps)
        told += _section("networks not admitted", gaps)
    tried = len(found.admitted) + len(found.missing) + len(found.unknown)
    told.append(f"admitted: {len(found.admitted)} of {tried} endpoints")
    told += _section("too wide", (f"{_rule(rule, 120)}: {much}" for rule, much in found.wide))
    told += _section("never matches", map(printable, found.dead))
    told += _section("not needed", (_rule(rule, 160) for rule in found.spare))
    told += [f"note: {printable(note)}" for note in found.notes]
    return told


def _rule(rule: ReadRule, most: int) -> str:
    """A rule as it stands in the file; some formats are read without their lines."""
    text = printable(rule.text, limit=most)
    return f"line {rule.line}: {text}" if rule.line else text


def _endpoint(endpoint: Endpoint) -> str:
    need = "required" if endpoint.required else "optional"
    return f"{need} {endpoint.id} in {endpoint.region}: {endpoint.pattern}, port {endpoint.port}"


def _section(title: str, items: Iterable[str]) -> list[str]:
    listed = [f"  {item}" for item in items]
    return [f"{title}: {len(listed) or 'nothing'}", *listed]
