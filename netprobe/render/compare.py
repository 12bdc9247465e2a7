"""Hold an existing configuration against what is needed: what does it not admit, and which of its rules nobody needs?

Pure but for :func:`read`. The readers (``render.readers``) turn a configuration into rules, each of which can say
whether it admits a name or an address. Names are tried, not proven: a pattern counts as admitted when every sample of
it is (the numbers 1, 9, 22 and 999 for ``ecs-a-*``), so that an enumeration is told as what it is, too short.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
    folder = path if path.is_dir() else path.parent
    paths = sorted(one for one in path.iterdir() if one.is_file() and one.name[0] != ".") if path.is_dir() else [path]
    texts: dict[str, str] = {}
    room = MAX_BYTES
    for one in paths[:MAX_FILES]:
        texts[one.name] = _text(one, room)
        room -= len(texts[one.name])
    if target.startswith(("squid", "haproxy")):
        lists = {name for text in texts.values() for _, name in _MENTION.findall(text)}
        for name in sorted(lists - set(texts))[:MAX_FILES]:
            if (folder / name).is_file():
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


def _text(path: Path, most: int) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(max(most, 0) + 1)
    except OSError as exc:
        reason = f"cannot be read ({(exc.strerror or '').lower()})"
        raise UnreadableFileError(str(path), reason, "name the configuration that is in use") from exc
    if len(data) > most:
        raise UnreadableFileError(str(path), f"is larger than {MAX_BYTES >> 20} MiB", "name one configuration file")
    return data.decode("utf-8", "replace")


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
    admitted = functools.cache(configuration.admits)
    needed = {(e.region, e.id, e.pattern): _probes(e, configuration, options) for e in endpoints}
    missing = tuple(
        e
        for e in endpoints
        if not needed[e.region, e.id, e.pattern]
        or not all(admitted(probe, e.port) for probe in needed[e.region, e.id, e.pattern])
    )
    questions = {(probe, e.port) for e in endpoints for probe in needed[e.region, e.id, e.pattern]}
    spare = tuple(r for r in configuration.rules if not any(r.admits(probe, port) for probe, port in questions))
    notes = (*configuration.notes, *(f"cannot be read: {part}" for part in configuration.unread))
    if not configuration.rules and not notes and not configuration.dead:
        # An empty rule set reads the same as a script, or another device's file.
        notes = (*notes, "no rule that admits anything was read in it: is this the configuration of that device?")
    lacking = set(map(id, missing))
    regions = tuple(dict.fromkeys(e.region for e in endpoints))
    ports = tuple(dict.fromkeys(e.port for e in endpoints))
    wide = tuple((rule, much) for rule in configuration.rules if (much := _too_wide(rule, regions, ports)))
    told = {id(rule) for rule, _ in wide}
    return Comparison(
        missing=() if configuration.unread else missing,
        unknown=missing if configuration.unread else (),
        admitted=tuple(e for e in endpoints if id(e) not in lacking),
        spare=tuple(rule for rule in spare if id(rule) not in told),
        notes=notes,
        wide=wide,
        dead=(*configuration.dead, *_covered(configuration.rules)),
        gaps=tuple(dict.fromkeys(_gaps(endpoints, options, admitted))) if configuration.by_address else (),
    )


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
    bucket = next((r for r in regions if rule.matches(f"np-witness.s3.{r}.amazonaws.com")), "")
    return f"any customer's bucket in {bucket}" if bucket else ""


def _covered(rules: Sequence[ReadRule]) -> Iterator[str]:
    """Names that stand beneath another entry of the same ports, which admits them already."""
    trees = {
        (claim.value, rule.ports)
        for rule in rules
        if (claim := _claim(rule)) is not None and claim.form in (Form.SUBTREE, Form.SUFFIX)
    }
    for rule in rules:
        claim = _claim(rule)
        if claim is None or "*" in claim.value:
            continue
        labels = claim.value.split(".")
        wider = next((p for i in range(1, len(labels)) if ((p := ".".join(labels[i:])), rule.ports) in trees), "")
        if wider:
            yield f"line {rule.line}: {claim.value} is covered by {wider}"


def _claim(rule: ReadRule) -> Claim | None:
    """The claim that a rule's predicate is, where it is one."""
    owner = getattr(rule.matches, "__self__", None)
    return owner if isinstance(owner, Claim) else None


def _probes(endpoint: Endpoint, configuration: Configuration, options: Options) -> tuple[str, ...]:
    """What must be admitted for an endpoint: names, or addresses."""
    pattern = asked_for(endpoint)
    seen = options.seen.get(pattern.pattern)
    if not configuration.by_address:
        stars = SAMPLES if endpoint.numbered else ("123456789012",)
        samples = (pattern.pattern,) if pattern.is_exact else tuple(pattern.pattern.replace("*", s) for s in stars)
        return tuple(dict.fromkeys((*(seen.names if seen else ()), *samples)))
    addresses = options.addresses
    if addresses is None:
        return ()
    if addresses.by_region is not None:
        # A network is tried by its ends: whole networks are what such rules hold, or a part from the one end.
        return tuple(end for network in addresses.by_region.get(endpoint.region, ()) for end in _ends(network))
    return tuple(address for name in _names(endpoint, options) for address in (addresses.by_host or {}).get(name, ()))


def _names(endpoint: Endpoint, options: Options) -> tuple[str, ...]:
    """The names of an endpoint whose addresses are known: its own, or those that were seen."""
    pattern = asked_for(endpoint)
    seen = options.seen.get(pattern.pattern)
    return (pattern.pattern,) if pattern.is_exact else (seen.names if seen else ())


@functools.lru_cache(maxsize=1 << 14)
def _ends(network: str) -> tuple[str, str]:
    parsed = ipaddress.ip_network(network)
    return str(parsed[0]), str(parsed[-1])


def lines(found: Comparison) -> list[str]:
    """The comparison in plain words."""
    return [
        *_section(
            "not admitted", (f"{_need(e)} {e.id} in {e.region}: {e.pattern}, port {e.port}" for e in found.missing)
        ),
        *(
            _section(
                "unknown, since part of it cannot be read",
                (f"{_need(e)} {e.id} in {e.region}: {e.pattern}, port {e.port}" for e in found.unknown),
            )
            if found.unknown
            else ()
        ),
        *(
            _section("networks not admitted", (f"{network}, port {port} ({of})" for of, network, port in found.gaps))
            if found.gaps
            else ()
        ),
        f"admitted: {len(found.admitted)} of {len(found.admitted) + len(found.missing) + len(found.unknown)} endpoints",
        *_section("too wide", (f"{_rule(rule, 120)}: {much}" for rule, much in found.wide)),
        *_section("never matches", map(printable, found.dead)),
        *_section("not needed", (_rule(rule, 160) for rule in found.spare)),
        *(f"note: {printable(note)}" for note in found.notes),
    ]


def _rule(rule: ReadRule, most: int) -> str:
    """A rule as it stands in the file; some formats are read without their lines."""
    return f"{f'line {rule.line}: ' if rule.line else ''}{printable(rule.text, limit=most)}"


def _need(endpoint: Endpoint) -> str:
    return "required" if endpoint.required else "optional"


def _section(title: str, items: Iterable[str]) -> list[str]:
    listed = [f"  {item}" for item in items]
    return [f"{title}: {len(listed) or 'nothing'}", *listed]
