"""What Squid's ``http_access`` lines decide about one name on one port, in their order.

The first line all of whose ACLs hold decides; behind the last one comes the opposite of its verdict (Squid 5.7,
http_access). An ACL holds, does not, or is open: those on the client (``src``, ``time``, ``proxy_auth``) are taken as
if they held where a line allows, and a line that denies some clients is passed over. Those on the destination that
cannot be judged (``dst``, ``url_regex``, a list in another file) leave the answer open. The hosts ask by CONNECT, on
port 80 by GET. What this says was held against a Squid (``tests/engines/test_compare_true.py``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from netprobe.errors import InvalidHostnameError
from netprobe.hostnames import Hostname
from netprobe.render.model import Claim, Form
from netprobe.render.readers.base import Comments, RulePorts, code_lines, expression, is_within, matching, ports_of

NAMES = {
    "dstdomain": "name",
    "ssl::server_name": "name",
    "dstdom_regex": "regex",
    "ssl::server_name_regex": "regex",
}
"""Kinds of ACL that are about the name that is asked for."""
CLIENT = frozenset({
    "src", "time", "proxy_auth", "proxy_auth_regex", "myportname", "localport", "localip", "arp", "eui64", "ident",
    "ident_regex", "srcdomain", "srcdom_regex", "src_as", "browser", "maxconn", "max_user_ip", "random", "client_db",
    "user_cert", "ext_user", "clientside_mark", "connections_encrypted", "proto", "external", "note", "req_header",
    "req_mime_type", "max_logins", "myport", "myip", "hier_code", "peername", "at_step",
})  # fmt: skip
"""Kinds that are about who asks, when and how."""
_EVERYBODY = frozenset({"all", "0.0.0.0/0", "0.0.0.0/0.0.0.0", "0/0", "::/0", "ipv6"})
_NO_PUBLIC = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"),
    *("224.0.0.0/3", "::/128", "::1/128", "fc00::/7", "fe80::/10", "ff00::/8"),
)
"""Networks in which no public address lies."""
_BUILT_IN = {"all": True, "manager": False, "localhost": False, "to_localhost": False, "to_linklocal": False}
"""ACLs that Squid has of itself (5.7); the hosts are not the proxy itself."""
_DEPTH = 8


@dataclass(slots=True)
class Acl:
    """An ACL of some kind: all its lines together."""

    kind: str
    lines: list[list[str]] = field(default_factory=list)
    """Its values, line by line."""
    names: list[Callable[[str], bool]] = field(default_factory=list)
    """What its values match."""
    is_open: bool = False
    """Whether some value cannot be read."""
    ports: RulePorts = field(default_factory=RulePorts)

    @property
    def values(self) -> Iterator[str]:
        """Every value, without options."""
        for line in self.lines:
            yield from (word for word in line if not word.startswith("-"))


@dataclass(frozen=True, slots=True)
class Access:
    """One ``http_access`` line; an ``include`` is one whose verdict is not known."""

    line: int
    verdict: str
    words: tuple[str, ...]


def joined_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments; one that ends with a backslash goes on in the next."""
    begun, number = "", 0
    for at, line in code_lines(text, Comments.HASH_APART):
        number = number or at
        if line.endswith("\\"):
            begun += line[:-1] + " "
            continue
        yield number, (begun + line).strip()
        begun, number = "", 0
    if begun.strip():
        yield number, begun.strip()


def read_acls(text: str) -> dict[str, Acl]:
    """Every ACL, by its name."""
    acls: dict[str, Acl] = {"CONNECT": Acl("method", [["CONNECT"]])}
    declared: set[str] = set()
    for _, line in joined_lines(text):
        words = [word.strip('"') for word in line.split()]
        if words[:1] != ["acl"] or len(words) < 4:
            continue
        name, kind = words[1], words[2]
        if name not in declared:
            declared.add(name)
            acls[name] = Acl(kind)
        acls[name].lines.append(words[3:])
        _read_values(acls[name], words[3:])
    return acls


def _read_values(acl: Acl, words: Sequence[str]) -> None:
    if acl.kind == "port":
        acl.ports = RulePorts.of((*acl.ports.spans, *ports_of(",".join(words)).spans))
    if acl.kind not in NAMES:
        return
    ignore_case = "-i" in words
    for value in words:
        if value.startswith("-"):
            continue
        matches = None if value.startswith("/") else value_matches(acl.kind, value, ignore_case=ignore_case)
        if matches is not None:
            acl.names.append(matches)
        elif not ("*" in value and NAMES[acl.kind] == "name"):  # there an asterisk is itself, and in no name
            acl.is_open = True


def value_matches(kind: str, value: str, *, ignore_case: bool) -> Callable[[str], bool] | None:
    """The names that a value matches; None where it cannot be read."""
    if NAMES[kind] == "name":
        return matching(Form.SUBTREE, value[1:]) if value.startswith(".") else _exact(value)
    # Squid lower-cases the host of a CONNECT, and a name in lower case is what we try.
    return expression(value, re.IGNORECASE if ignore_case else re.NOFLAG)


def _exact(value: str) -> Callable[[str], bool] | None:
    try:
        name = Hostname.parse(value).name
    except InvalidHostnameError:
        return None
    return Claim(form=Form.EXACT, value=name).admits


def read_access(text: str, directive: str = "http_access") -> list[Access]:
    """The lines that decide, and the files that may hold more of them."""
    found = []
    for number, line in joined_lines(text):
        words = line.split()
        if words[:1] == [directive] and len(words) > 2 and words[1] in ("allow", "deny"):
            found.append(Access(number, words[1], tuple(words[2:])))
        elif words[:1] == ["include"] and len(words) > 1:
            found.append(Access(number, "include", tuple(words[1:])))
    return found


@dataclass(frozen=True, slots=True)
class Held:
    """Whether an ACL holds; None where that is open, for want of the client or of something about the destination."""

    holds: bool | None
    of_client: bool = False


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the ACLs of one line come to.

    Attributes:
        refuted: one does not hold, so the line does not count.
        is_open: one on the destination cannot be judged.
        of_clients: one is about who asks.
    """

    refuted: bool
    is_open: bool
    of_clients: bool


class AccessDecision:
    """What the lines decide.

    Args:
        acls: by name.
        access: in order.
        default: what comes of a request that no line decides; what nothing names does not count as allowed.
    """

    def __init__(self, acls: Mapping[str, Acl], access: Sequence[Access], *, default: bool = False) -> None:
        self._acls, self._access, self._default = acls, access, default

    def __call__(self, probe: str, port: int) -> bool | None:
        """Whether a line allows it; None where that cannot be told."""
        may_allow = may_deny = False
        for one in self._access:
            if one.verdict == "include":
                may_allow = True
                continue
            found = self.conditions(one.words, probe, port)
            if found.refuted:
                continue
            if one.verdict == "allow":
                if not found.is_open:
                    return None if may_deny else True
                may_allow = True
            elif not found.of_clients:
                if not found.is_open:
                    return None if may_allow else False
                may_deny = True
        if self._default:
            return None if may_deny else True
        return None if may_allow else False

    def conditions(self, words: Iterable[str], probe: str, port: int) -> Conditions:
        """What the ACLs of a line come to."""
        refuted = is_open = of_clients = False
        for word in words:
            held = self._held(word.removeprefix("!"), probe, port, _DEPTH)
            if held.holds is None:
                is_open |= not held.of_client
                of_clients |= held.of_client
            elif held.holds is word.startswith("!"):
                refuted = True
        return Conditions(refuted, is_open, of_clients)

    def _held(self, name: str, probe: str, port: int, depth: int) -> Held:
        acl = self._acls.get(name)
        if acl is None or not depth:
            return Held(_BUILT_IN.get(name))
        match acl.kind:
            case kind if kind in NAMES:
                return Held(True if any(one(probe) for one in acl.names) else None if acl.is_open else False)
            case "port":
                return Held(port in acl.ports)
            case "method":
                return Held(("GET" if port == 80 else "CONNECT") in acl.values)
            case "src" if _EVERYBODY & set(acl.values):
                return Held(True)
            case "dst":
                return Held(_by_destination(acl.values))
            case "any-of" | "all-of":
                return self._of_others(acl, probe, port, depth - 1)
            case kind:
                return Held(None, of_client=kind in CLIENT)

    def _of_others(self, acl: Acl, probe: str, port: int, depth: int) -> Held:
        """``any-of`` joins its ACLs by or; a line of ``all-of`` joins them by and, and its lines are joined by or."""
        groups = acl.lines if acl.kind == "all-of" else [[word] for line in acl.lines for word in line]
        answers = []
        for group in groups:
            held = [self._negated(word, probe, port, depth) for word in group]
            if any(one.holds is False for one in held):
                continue
            still = [one for one in held if one.holds is None]
            if not still:
                return Held(True)
            answers.append(Held(None, of_client=all(one.of_client for one in still)))
        return Held(None, of_client=any(one.of_client for one in answers)) if answers else Held(False)

    def _negated(self, word: str, probe: str, port: int, depth: int) -> Held:
        held = self._held(word.removeprefix("!"), probe, port, depth)
        return held if held.holds is None or not word.startswith("!") else Held(not held.holds)


def _by_destination(values: Iterable[str]) -> bool | None:
    """Addresses of names are not known: networks in which no public one lies do not hold, everything does."""
    listed = list(values)
    if _EVERYBODY & set(listed):
        return True
    return False if all(is_within(value, _NO_PUBLIC) for value in listed) else None
