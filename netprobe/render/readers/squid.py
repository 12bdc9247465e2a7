"""Reader of ``squid.conf``: names that an ``http_access allow`` admits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from netprobe.render.readers.base import MAX_RULES, Configuration, ReadRule, RulePorts, everything, first_notes
from netprobe.render.readers.squid_access import (
    CLIENT,
    NAMES,
    Access,
    AccessDecision,
    Acl,
    joined_lines,
    read_access,
    read_acls,
    value_matches,
)


def squid(text: str) -> Configuration:
    """``acl`` lines that an ``http_access allow`` uses; lists in other files are told, not read."""
    acls, access = read_acls(text), read_access(text)
    read = _read(text, acls, access)
    rules, notes = _without_names(access, acls)
    told = [f"line {one.line}: {one.words[0]} may hold more lines, which are not read" for one in _included(access)]
    return Configuration(
        rules=tuple((*rules, *read.rules)[:MAX_RULES]),
        by_address=False,
        notes=first_notes([*told, *notes]),
        unread=first_notes(read.unread),
        dead=first_notes(read.dead),
        decides=AccessDecision(acls, access),
    )


@dataclass(slots=True)
class _Read:
    """What the values of names came to."""

    rules: list[ReadRule] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)


def _read(text: str, acls: Mapping[str, Acl], access: Sequence[Access]) -> _Read:
    """Each value of an ACL of names that a line allows, as a rule of its own."""
    reachable = list(_reachable(access))
    allowed = _with_parts({word for one in reachable if one.verdict == "allow" for word in one.words}, acls)
    bound = _ports_by_acl(reachable, acls)
    found = _Read()
    for number, line in joined_lines(text):
        words = [word.strip('"') for word in line.split()]
        if len(words) < 4 or words[0] != "acl" or words[1] not in allowed or words[2] not in NAMES:
            continue
        ignore_case = "-i" in words
        for value in words[3:]:
            if value.startswith("-"):
                continue
            if value.startswith("/"):
                found.unread.append(f"line {number}: the list {value} is in another file; paste it into this one")
                continue
            matches = value_matches(words[2], value, ignore_case=ignore_case)
            if matches is not None:
                said = f"{value[:200]} in {line[:200]}"
                found.rules.append(
                    ReadRule(text=said, line=number, ports=bound.get(words[1], RulePorts()), matches=matches)
                )
            elif "*" in value and NAMES[words[2]] == "name":
                found.dead.append(
                    f"line {number}: {value[:160]}: {words[2]} takes an asterisk literally, so it never matches"
                )
            else:
                found.unread.append(f"line {number}: {value[:160]} cannot be read")
    return found


def _with_parts(names: set[str], acls: Mapping[str, Acl]) -> set[str]:
    """ACLs that lines name, and those that are part of them (``any-of``, ``all-of``); not what must not hold."""
    found: set[str] = set()
    open_ = [name for name in names if not name.startswith("!")]
    while open_:
        name = open_.pop()
        if name in found:
            continue
        found.add(name)
        acl = acls.get(name)
        if acl is not None and acl.kind in ("any-of", "all-of"):
            open_ += [value for value in acl.values if not value.startswith("!")]
    return found


def squid_splice(text: str) -> Configuration:
    """Names that ``ssl_bump splice`` lets through; without a ``terminate`` for every step, everything passes."""
    acls = read_acls(text)
    lines = [(number, line.split()) for number, line in joined_lines(text)]
    bumps = [(number, words[1], words[2:]) for number, words in lines if words[:1] == ["ssl_bump"] and words[2:]]
    access = [_bump(number, verdict, words, acls) for number, verdict, words in bumps if verdict in _BUMPS]
    read = _read(text, acls, access)
    whole = any(words[:1] in (["https_port"], ["http_port"]) for _, words in lines)
    ends = any(one.verdict == "deny" and one.words == ("all",) for one in access)
    open_end = whole and not ends
    if open_end:
        at = bumps[-1][0] if bumps else 1
        said = "no ssl_bump terminate for every step, so what no line names is spliced through"
        read.rules.append(ReadRule(text=said, line=at, matches=everything))
    return Configuration(
        rules=tuple(read.rules[-MAX_RULES:]),
        by_address=False,
        notes=first_notes(
            [f"line {one.line}: it ends some first, which is not judged" for one in _doubtful(access, acls)]
        ),
        unread=first_notes(read.unread),
        dead=first_notes(read.dead),
        decides=AccessDecision(acls, access, default=open_end),
    )


_BUMPS = {"splice": "allow", "terminate": "deny"}


def _bump(number: int, verdict: str, words: Sequence[str], acls: Mapping[str, Acl]) -> Access:
    """A line of ``ssl_bump`` as one of ``http_access``; what ends every step of some clients is taken to end ours."""
    whole = verdict == "terminate" and all(word == "all" or _is_of_client(word, acls) for word in words)
    return Access(number, _BUMPS[verdict], ("all",) if whole else tuple(words))


def _is_of_client(word: str, acls: Mapping[str, Acl]) -> bool:
    """Whether a word is a condition on anything but the destination and the step."""
    acl = acls.get(word)
    return acl is not None and acl.kind != "at_step" and acl.kind in (*CLIENT, "port", "method")


def _included(access: Iterable[Access]) -> Iterator[Access]:
    return (one for one in access if one.verdict == "include")


def _reachable(access: Iterable[Access]) -> Iterator[Access]:
    """What stands behind ``deny all`` or ``allow all`` is never asked."""
    for one in access:
        yield one
        if one.words == ("all",):
            return


def _doubtful(access: Iterable[Access], acls: Mapping[str, Acl]) -> Iterator[Access]:
    """Lines that deny by a name, and by something that is not known."""
    for one in access:
        kinds = [acls[word.removeprefix("!")].kind for word in one.words if word.removeprefix("!") in acls]
        if one.verdict == "deny" and any(kind in NAMES for kind in kinds) and any(kind in CLIENT for kind in kinds):
            yield one


def _without_names(access: Sequence[Access], acls: Mapping[str, Acl]) -> tuple[list[ReadRule], list[str]]:
    """The lines that admit every name, and notes on what is not judged."""
    rules: list[ReadRule] = []
    notes: list[str] = []
    for one in _reachable(access):
        names = [word for word in one.words if (acl := acls.get(word)) is not None and acl.kind in NAMES]
        if one.verdict == "deny" and names:
            notes.append(f"line {one.line}: it denies {' '.join(names)} first{_judged(one, acls)}")
        if one.verdict != "allow" or names or {"localhost", "manager"} & set(one.words):
            continue
        kinds = [acls[word].kind if word in acls else "src" if word == "all" else "" for word in one.words]
        if all(kind in CLIENT or kind in ("port", "method") for kind in kinds):
            mine = _together(one.words, acls)
            text = f"http_access allow {' '.join(one.words)}"
            rules.append(ReadRule(text=text, line=one.line, ports=mine, matches=everything))
            notes.append(f"line {one.line}: it admits every name, for the clients that it is about")
        elif not any(kind in ("any-of", "all-of") for kind in kinds):
            notes.append(f"line {one.line}: it cannot be judged")
    return rules, notes


def _judged(one: Access, acls: Mapping[str, Acl]) -> str:
    """Whether what a line denies is counted."""
    kinds = [acls[word.removeprefix("!")] for word in one.words if word.removeprefix("!") in acls]
    if any(acl.kind in CLIENT for acl in kinds):
        return " to some clients, which is not judged"
    return ", part of which cannot be read" if any(acl.is_open for acl in kinds) else ""


def _ports_by_acl(access: Iterable[Access], acls: Mapping[str, Acl]) -> dict[str, RulePorts]:
    """For each ACL the ports of the ``http_access allow`` lines that name it (empty: every port)."""
    found: dict[str, RulePorts] = {}
    everywhere: set[str] = set()
    for one in access:
        if one.verdict != "allow":
            continue
        mine = _together(one.words, acls)
        for word in one.words:
            if not mine:
                everywhere.add(word)
            found[word] = found.get(word, RulePorts()) | mine
    return {name: RulePorts() if name in everywhere else mine for name, mine in found.items()}


def _together(words: Iterable[str], acls: Mapping[str, Acl]) -> RulePorts:
    """The ports of all the ACLs of a line that are about ports."""
    return RulePorts.of(span for word in words if word in acls for span in acls[word].ports.spans)
