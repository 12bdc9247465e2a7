"""Read firewalld's files: zones, policies, services, direct rules, and the few settings that change what they mean.

Sources, read 2026-11-29: firewalld.zone(5), firewalld.policy(5), firewalld.service(5), firewalld.direct(5),
firewalld.conf(5). Below /etc/firewalld an administrator's file of a name replaces the one of /usr/lib/firewalld.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from netprobe.host.filesystem import FileSystem
from netprobe.host.readers import settings

_LIMIT = 256 * 1024
_ETC, _LIB = "/etc/firewalld", "/usr/lib/firewalld"
DIRECT = f"{_ETC}/direct.xml"
CONF = f"{_ETC}/firewalld.conf"
_MAX_FILES = 500
_MAX_DEPTH, _MAX_INCLUDES = 3, 20
_WELL_KNOWN = {
    "https": (("443", "tcp"),),
    "http": (("80", "tcp"),),
    "dns": (("53", "tcp"), ("53", "udp")),
    "ssh": (("22", "tcp"),),
}
"""Services as firewalld ships them, for a root that lacks their files."""


@dataclass(frozen=True, slots=True)
class Section:
    """A zone or a policy.

    Attributes:
        name: of its file.
        file: the file.
        element: what stands in it.
    """

    name: str
    file: str
    element: ElementTree.Element

    @property
    def target(self) -> str:
        """``default`` and ``CONTINUE`` are what is meant where nothing is said (of a zone, of a policy)."""
        return self.element.get("target", "")

    @property
    def priority(self) -> int:
        """Of a policy: -1 unless it says otherwise (firewalld.policy(5))."""
        return number(self.element.get("priority"), -1)

    def names(self, tag: str) -> frozenset[str]:
        """What the elements of a kind are called: ``interface``, ``ingress-zone`` and the like."""
        return frozenset(one.get("name", "") for one in self.element.iter(tag))


@dataclass(frozen=True, slots=True)
class DirectRule:
    """One rule of ``direct.xml``, as iptables would be told it."""

    chain: str
    line: str


def number(text: str | None, otherwise: int) -> int:
    """A small whole number, with its sign."""
    word = (text or "").strip()
    digits = word.lstrip("-")
    return int(word) if digits.isascii() and digits.isdigit() and len(digits) <= 5 else otherwise


def setting(root: FileSystem, key: str) -> str:
    """A setting of firewalld.conf, or nothing."""
    found = settings.last(settings.shell(root, CONF), key)
    return "" if found is None else found.value


def zones(root: FileSystem) -> tuple[Section, ...]:
    """Every zone by name; a subfolder of zones, which firewalld reads as one zone, is left aside."""
    return _sections(root, "zones")


def policies(root: FileSystem) -> tuple[Section, ...]:
    """Every policy, in the order in which they are asked."""
    return tuple(sorted(_sections(root, "policies"), key=lambda one: (one.priority, one.name)))


def service_ports(root: FileSystem, name: str, depth: int = 0) -> tuple[tuple[str, str], ...]:
    """The (port, protocol) pairs of a service and of those that it includes, three levels deep.

    Args:
        root: the host's or image's files.
        name: the service.
        depth: how many services include it.
    """
    if not name or "/" in name or depth > _MAX_DEPTH:
        return ()
    path = root.first(f"{_ETC}/services/{name}.xml", f"{_LIB}/services/{name}.xml")
    if path is None:
        return _WELL_KNOWN.get(name, ())
    element = _xml(root, path)
    found = [(port.get("port", ""), port.get("protocol", "")) for port in element.findall("port")]
    for one in element.findall("include")[:_MAX_INCLUDES]:
        found += service_ports(root, one.get("service", ""), depth + 1)
    return tuple(found)


def direct_rules(root: FileSystem, family: int) -> tuple[DirectRule, ...]:
    """The rules of ``direct.xml`` for the filter table, the lowest priority first, passthroughs behind them."""
    ipv = f"ipv{family}"
    document = _xml(root, DIRECT)
    rules = [one for one in document.iter("rule") if one.get("ipv") == ipv and one.get("table") == "filter"]
    rules.sort(key=lambda one: number(one.get("priority"), 0))
    found = [DirectRule(one.get("chain", ""), (one.text or "").strip()) for one in rules]
    passed = [one.text or "" for one in document.iter("passthrough") if one.get("ipv") == ipv]
    return (*found, *_passed_through(passed))


def _passed_through(texts: list[str]) -> Iterator[DirectRule]:
    """``-t filter -I OUTPUT 1 -j DROP``: what is inserted is taken as if it were added, behind the direct rules."""
    for text in texts:
        words = text.split()
        if "-t" in words:
            at = words.index("-t")
            if words[at + 1 : at + 2] != ["filter"]:
                continue
            del words[at : at + 2]
        if len(words) > 2 and words[0] in ("-A", "-I"):
            rest = words[3:] if words[2].isdigit() else words[2:]
            yield DirectRule(words[1], " ".join(rest))


def _sections(root: FileSystem, kind: str) -> tuple[Section, ...]:
    paths: dict[str, str] = {}
    for folder in (_LIB, _ETC):
        for path in root.glob(f"{folder}/{kind}", ".xml"):
            paths[path.rpartition("/")[2].removesuffix(".xml")] = path
    chosen = sorted(paths.items())[:_MAX_FILES]
    return tuple(Section(name, path, _xml(root, path)) for name, path in chosen)


def _xml(root: FileSystem, path: str) -> ElementTree.Element:
    """A firewalld file; one with a document type is none of firewalld's, and could hold entity bombs."""
    text = root.text(path, _LIMIT)
    empty = ElementTree.Element("none")
    if text is None or "<!DOCTYPE" in text or "<!ENTITY" in text:
        return empty
    try:
        return ElementTree.fromstring(text)  # noqa: S314 - bounded in size, and without a document type no entities
    except ElementTree.ParseError:
        # firewalld itself refuses such a file and starts without it.
        return empty
