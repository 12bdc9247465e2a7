"""What HAProxy's frontends do with a server name: ``tcp-request content`` rules in their order, then the backend.

By HAProxy's configuration manual (ACLs and conditions; ``tcp-request content``, ``use_backend``), read in excerpts
2026-11-29, and held against HAProxy itself (``tests/engines/test_compare_true.py``). An ACL on the client is open:
taken as if it held where a rule accepts, and passed over where one rejects. A backend without a server leads nowhere.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from netprobe.render.readers.base import Comments, code_lines

_SECTION = re.compile(
    r"(global|defaults|frontend|listen|backend|resolvers|peers|userlist|mailers|program|cache|ring|http-errors)\b\s*(\S*)"
)
_VARIABLE = re.compile(r"(?:set-var|do-resolve)\(([^,)\s]+)")
_FOUND = re.compile(r"var\(([^)\s]+)\)\s+-m\s+found$")
_REJECTS = frozenset({"reject", "silent-drop", "tarpit", "deny"})
Names = Callable[[str, str, str], Callable[[str], bool] | None]
"""How a value of a server name's ACL is read: by its flags, how it is matched, and itself."""


class Holds(enum.Enum):
    """What becomes of a condition for a name."""

    YES = enum.auto()
    NO = enum.auto()
    BY_CLIENT = enum.auto()
    """It asks who connects, or when."""
    OPEN = enum.auto()
    """It asks for something about the destination that cannot be told."""


@dataclass(slots=True)
class _Section:
    """A frontend, a ``listen`` or a backend.

    Attributes:
        kind: the word that begins it; empty for an excerpt.
        acls: by name, what follows the name on each line.
        lines: its rules, word by word.
        leads: whether it has a server.
    """

    kind: str
    acls: dict[str, list[str]] = field(default_factory=dict)
    lines: list[list[str]] = field(default_factory=list)
    leads: bool = False


def decision(text: str, names: Names) -> Callable[[str, int], bool | None] | None:
    """What the frontends decide together; None where the file holds lists and ACLs alone."""
    sections = dict(_sections(text))
    fronts = [one for one in sections.values() if one.lines and any(_decides(line) for line in one.lines)]
    if not fronts:
        return None

    def decides(probe: str, _port: int) -> bool | None:
        answers = {_Walk(one, sections, names, probe).passes() for one in fronts}
        return True if True in answers else (None if None in answers else False)

    return decides


def _decides(line: list[str]) -> bool:
    return line[0] == "use_backend" or (line[:2] == ["tcp-request", "content"] and line[2:3] != ["set-var"])


def _sections(text: str) -> Iterator[tuple[str, _Section]]:
    name, here = "", _Section("")
    for _, line in code_lines(text, Comments.HASH):
        begun = _SECTION.match(line)
        if begun is not None:
            yield name, here
            kind = begun[1]
            name = begun[2] if kind == "backend" else f"{kind} {begun[2]}"
            here = _Section(kind)
            continue
        words = line.split()
        if words[0] == "acl" and len(words) > 2:
            here.acls.setdefault(words[1], []).append(line.split(None, 2)[2])
        elif words[0] in ("tcp-request", "use_backend", "default_backend"):
            here.lines.append(words)
        elif words[0] in ("server", "server-template", "dispatch", "use-server") or "option transparent" in line:
            here.leads = True
    yield name, here


class _Walk:
    """One name's way through a frontend."""

    def __init__(self, section: _Section, sections: Mapping[str, _Section], names: Names, probe: str) -> None:
        self._section, self._sections, self._names, self._probe = section, sections, names, probe
        self._variables: dict[str, Holds] = {}

    def passes(self) -> bool | None:
        """Whether a connection for the name is led to a server; None where that cannot be told."""
        may_deny = False
        for line in self._section.lines:
            if line[:2] != ["tcp-request", "content"] or len(line) < 3:
                continue
            action = line[2]
            held = self._condition(line[3:])
            if set_ := _VARIABLE.match(action):
                before = self._variables.get(set_[1], Holds.NO)
                self._variables[set_[1]] = _either([before, Holds.YES if held is Holds.BY_CLIENT else held])
            elif action == "accept" and held in (Holds.YES, Holds.BY_CLIENT):
                break
            elif action in _REJECTS and held is Holds.YES:
                return False
            elif action in _REJECTS and held is Holds.OPEN:
                may_deny = True
        led = self._led()
        return None if led and may_deny else led

    def _led(self) -> bool | None:
        """Whether the backend that is chosen has a server."""
        chosen = [line for line in self._section.lines if line[0] == "use_backend" and len(line) > 1]
        default = [line for line in self._section.lines if line[0] == "default_backend" and len(line) > 1]
        open_ = False
        for line in chosen:
            held = self._condition(line[2:])
            if held in (Holds.YES, Holds.BY_CLIENT):
                return None if open_ else self._leads(line[1])
            open_ |= held is Holds.OPEN
        if default:
            return None if open_ else self._leads(default[-1][1])
        # An excerpt of rules says nothing of backends.
        leads = self._section.leads or (self._section.kind == "" and not chosen)
        return True if leads else (None if open_ else False)

    def _leads(self, backend: str) -> bool:
        found = self._sections.get(backend)
        if found is None:
            return True
        rejects = any(line[:3] == ["tcp-request", "content", "reject"] and len(line) == 3 for line in found.lines)
        return found.leads and not rejects

    def _condition(self, words: list[str]) -> Holds:
        """``if …`` or ``unless …`` behind a rule: terms that are joined by and, and by ``or``."""
        at = next((n for n, word in enumerate(words) if word in ("if", "unless")), None)
        if at is None:
            return Holds.YES
        found = _either(_both(map(self._term, terms)) for terms in _alternatives(words[at + 1 :]))
        return _not(found) if words[at] == "unless" else found

    def _term(self, term: str) -> Holds:
        negated = term.startswith("!")
        plain = term[1:].strip() if negated else term
        if plain.startswith("{"):
            held = self._criterion(plain.strip("{}").strip())
        elif plain in self._section.acls:
            held = _either(map(self._criterion, self._section.acls[plain]))
        else:
            held = {"TRUE": Holds.YES, "FALSE": Holds.NO, "WAIT_END": Holds.YES, "REQ_CONTENT": Holds.YES}.get(
                plain, Holds.BY_CLIENT if plain == "LOCALHOST" else Holds.OPEN
            )
        return _not(held) if negated else held

    def _criterion(self, text: str) -> Holds:
        if found := _FOUND.match(text):
            return self._variables.get(found[1], Holds.NO)
        words = text.split()
        sample = words[0].lower() if words else ""
        if re.fullmatch(r"req[._]ssl_sni(?:,lower)?", sample):
            return self._named(words[1:])
        if sample in ("req.ssl_hello_type", "req_ssl_hello_type"):
            return Holds.YES if "1" in words[1:] else Holds.NO
        if sample in ("always_true", "always_false"):
            return Holds.YES if sample == "always_true" else Holds.NO
        return Holds.BY_CLIENT if sample.startswith(("src", "fe_", "be_", "sc", "rand", "nbsrv")) else Holds.OPEN

    def _named(self, words: list[str]) -> Holds:
        """An ACL of the server name: flags, then values."""
        flags: list[str] = []
        rest = list(words)
        while rest and rest[0].startswith("-"):
            flags.append(rest.pop(0))
            if flags[-1] in ("-m", "-f", "-M", "-u") and rest and flags[-1] != "-M":
                flags.append(rest.pop(0))
            if flags[-1] == "--":
                break
        kind = flags[flags.index("-m") + 1] if "-m" in flags[:-1] else "str"
        is_open = "-f" in flags
        for value in rest:
            matches = None if value.startswith("/") else self._names(" ".join(flags), kind, value)
            if matches is None:
                is_open = True
            elif matches(self._probe):
                return Holds.YES
        return Holds.OPEN if is_open else Holds.NO


def _alternatives(words: Iterable[str]) -> Iterator[list[str]]:
    """The terms of each alternative; an anonymous ACL in braces is one term, and ``!`` belongs to what follows."""
    terms: list[str] = []
    held = ""
    for word in words:
        if held.lstrip("!").strip().startswith("{"):
            held += f" {word}"
        elif word in ("or", "||") and not held:
            yield terms
            terms = []
            continue
        else:
            held += word
        if held == "!" or (held.lstrip("!").strip().startswith("{") and not held.endswith("}")):
            continue
        terms.append(held)
        held = ""
    yield terms


def _not(held: Holds) -> Holds:
    return {Holds.YES: Holds.NO, Holds.NO: Holds.YES}.get(held, held)


def _both(all_: Iterable[Holds]) -> Holds:
    found = set(all_)
    return next((one for one in (Holds.NO, Holds.OPEN, Holds.BY_CLIENT) if one in found), Holds.YES)


def _either(any_: Iterable[Holds]) -> Holds:
    found = set(any_)
    return next((one for one in (Holds.YES, Holds.BY_CLIENT, Holds.OPEN) if one in found), Holds.NO)
