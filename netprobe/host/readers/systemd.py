"""systemd's units, read from files: no systemd runs, and none is asked.

Sources, read 2026-11-28: systemd.syntax(7), systemd.unit(5) and systemd.exec(5); ``src/shared/conf-parser.c``,
``extract-word.c`` and ``dropin.c`` of systemd 252. What they say and what people get wrong:

- Drop-ins are read in the order of their *names*, whatever folder they lie in; of one name the folder in ``/etc`` wins,
  and a link to ``/dev/null`` hides it.
- A line before the first ``[Section]``, under a section that is none of systemd's, without ``=``, or with a key that is
  no directive is ignored with a message in the journal, and the unit starts all the same.
- ``DefaultEnvironment=`` of the manager comes first, then ``Environment=`` of the unit and its drop-ins (an empty
  assignment clears what came before), then the files of ``EnvironmentFile=``, which win; ``UnsetEnvironment=`` takes
  away last. ``PassEnvironment=`` and ``systemctl set-environment`` leave no trace in files.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
import sys
from collections.abc import Collection, Iterable, Iterator
from difflib import SequenceMatcher

import msgspec

from netprobe.findings import Place
from netprobe.host import once
from netprobe.host.filesystem import FileKind, FileSystem, UnreadableError
from netprobe.host.readers.settings import MAX_FILE, NAME, Setting, bounded, environment_file
from netprobe.host.readers.specifiers import expanded, unknown

UNIT_FOLDERS = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
"""The folders that an administrator or a package uses, the one that wins first."""
_MANAGER_FOLDERS = ("/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd", "/lib/systemd")
_MAX_UNIT = MAX_FILE
"""Bytes of a unit with its drop-ins; systemd's own largest unit has 4 KiB."""
MAX_DROP_INS = 500
"""Drop-ins of a unit, and other files beside them. Debian and Fedora bring at most three for one."""
_MAX_FILES = 64
"""Files of ``EnvironmentFile=`` that are followed for one unit."""
_MAX_NAMES = 2000
"""Names in a folder of units among which one for an agent is looked for."""
_SECTIONS = frozenset({"Unit", "Service", "Install", "Socket", "Timer", "Path", "Mount", "Slice", "Scope", "Manager"})
_NEARLY = 0.85
_WITHOUT_VARIABLES = frozenset({"Unit", "Install", "Timer", "Path"})
"""Sections that have no ``Environment=`` (systemd.exec(5) is for services, sockets, mounts, swaps and slices of it)."""
_SPELT = frozenset({"Environment", "EnvironmentFile", "PassEnvironment", "UnsetEnvironment", "DefaultEnvironment"})
_SPECIFIER = re.compile(r"%(?:%|[AaBbCDdEf](?=[0-9A-Fa-f]))")
"""What in a percent-encoded value would be a specifier of systemd's (systemd.unit(5)); ``%%`` stands for ``%``."""
_LONGEST_NAME = 255
_NOT_MEANT = (".conf", ".bak", ".orig", ".save", "~", ".rpmsave")
"""How a name ends of a drop-in that is read, and of a copy that nobody believes to be."""
_BLANKS = " \t\r"
_MADE_AT_BOOT = ("/run/", "/dev/", "/proc/", "/sys/")
_TRUE = frozenset({"1", "yes", "y", "true", "t", "on"})
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "s": " "}
_PLAIN = {"": re.compile(r"[^ \t\r\"'\\]+"), '"': re.compile(r'[^"\\]+'), "'": re.compile(r"[^'\\]+")}
"""What stands for itself outside quotes and within each kind."""
_NUMERIC_ESCAPE = re.compile(
    r"x(?P<byte>[0-9a-fA-F]{2})|(?P<octal>[0-7]{3})|(?:u(?=[0-9a-fA-F]{4})|U(?=[0-9a-fA-F]{8}))"
    r"(?P<character>(?<=u)[0-9a-fA-F]{4}|(?<=U)[0-9a-fA-F]{8})"
)
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[a-z]+(?:_[a-z]+)+")
"""A name as environment variables have it. No directive of systemd is all upper or all lower case with underscores."""


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """One ``Key=Value`` that systemd takes from a unit file."""

    section: str
    key: str
    value: str
    file: str
    line: int


class Ignored(msgspec.Struct, frozen=True, kw_only=True):
    """A line, or a part of one, that systemd passes over.

    Attributes:
        file: the file.
        line: its line; 0 where the whole file is not read.
        variable: the environment variable that it was meant to set, or nothing.
        reason: why systemd ignores it, one clause.
    """

    file: str
    line: int
    variable: str
    reason: str

    @property
    def place(self) -> Place:
        """Where it stands; the value may be a secret and is not shown."""
        return Place(file=self.file, line=self.line or None, text=self.variable)


@once.for_a_root
def read(root: FileSystem, path: str) -> tuple[tuple[Assignment, ...], tuple[Ignored, ...]]:
    """One unit file or drop-in: what systemd takes from it, and what it ignores.

    Raises:
        UnreadableError: it is there and cannot be read.
    """
    taken: list[Assignment] = []
    ignored: list[Ignored] = []
    section, known = "", False
    for number, text in _joined(root.lines(path, MAX_FILE)):
        if text.startswith("["):
            section, known = text[1:].rstrip("]"), text[1:-1] in _SECTIONS and text.endswith("]")
            continue
        key, equals, value = (part.strip() for part in text.partition("="))
        reason = _why_ignored(section, known, key, equals)
        if reason:
            names_variables = key == "Environment" or _is_misspelt(key)
            variable = _first_variable(value) if names_variables else _meant(key)
            ignored.append(Ignored(file=path, line=number, variable=variable, reason=reason))
        else:
            taken.append(Assignment(section=section, key=key, value=value, file=path, line=number))
    return tuple(taken), tuple(ignored)


def _why_ignored(section: str, known: bool, key: str, equals: str) -> str:
    if section.startswith("X-"):
        return ""
    if not section:
        return "it stands before the first section, such as [Service]"
    if not known:
        return f"systemd has no section [{section}]"[:100]
    if not equals:
        return "there is no '=' in it"
    if key == "Environment" and section in _WITHOUT_VARIABLES:
        return f"[{section}] has no Environment=, [Service] has"
    if _is_misspelt(key):
        return f"systemd knows no {key}=, only Environment="
    return f"{_meant(key)} is no directive: write Environment= before it" if _meant(key) else ""


def _is_misspelt(key: str) -> bool:
    """Whether a directive is nearly ``Environment``, of which systemd takes one spelling alone."""
    if key in _SPELT or not 8 <= len(key) <= 16 or key[0] not in "Ee":
        return False
    return SequenceMatcher(None, key.lower(), "environment").ratio() >= _NEARLY


def _meant(key: str) -> str:
    """The variable that a key names: ``HTTPS_PROXY``, ``export HTTPS_PROXY``, ``env https_proxy``; else nothing."""
    word = key.split(" ")[-1]
    return word if len(word) <= _LONGEST_NAME and _VARIABLE.fullmatch(word) else ""


def _first_variable(value: str) -> str:
    name = value.strip("\"'").partition("=")[0]
    return name if NAME.fullmatch(name) else ""


def _joined(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Logical lines with the number of their first; comments between joined lines are skipped, as systemd does."""
    pending, start = "", 0
    for number, raw in lines:
        # A blank behind a backslash keeps it from being the last character, and nothing is joined.
        text = raw.lstrip(_BLANKS + "\ufeff").rstrip("\r")
        if text[:1] in ("#", ";"):
            continue
        start = start or number
        if _continues(text):
            pending += text[:-1] + " "
            continue
        if line := (pending + text).strip(_BLANKS):
            yield start, line
        pending, start = "", 0
    if pending:
        yield start, pending.strip(_BLANKS)


def _continues(text: str) -> bool:
    """Whether a line ends in a backslash that is not itself escaped."""
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


@once.for_a_root
def files(root: FileSystem, unit: str) -> tuple[str, ...]:
    """The unit file and the drop-ins of a unit, in the order in which systemd reads them.

    Args:
        root: the host's or image's files.
        unit: ``docker.service``.

    Raises:
        UnreadableError: they are more, or larger, than any that systemd has ever read.
    """
    own = next((f"{folder}/{unit}" for folder in UNIT_FOLDERS if root.has_file(f"{folder}/{unit}")), None)
    names = list(_drop_in_names(unit))
    folders = [f"{folder}/{name}.d" for folder in UNIT_FOLDERS for name in names]
    folders += [f"{folder}/{unit.rpartition('.')[2]}.d" for folder in UNIT_FOLDERS]
    return _bounded(root, unit, (*(() if own is None else (own,)), *_configuration(root, unit, folders)))


def _bounded(root: FileSystem, unit: str, paths: tuple[str, ...]) -> tuple[str, ...]:
    entries = (root.entry(path) for path in paths)
    if sum(entry.size for entry in entries if entry is not None) > _MAX_UNIT:
        raise UnreadableError(unit, f"its files hold more than {_MAX_UNIT >> 10} KiB")
    return paths


def _drop_in_names(unit: str) -> Iterator[str]:
    """``a-b.service`` has drop-ins in ``a-b.service.d`` and ``a-.service.d``, and behind them in ``service.d``."""
    yield unit
    stem, _, kind = unit.rpartition(".")
    while "-" in stem:
        stem = stem.rpartition("-")[0]
        yield f"{stem}-.{kind}"


def _configuration(root: FileSystem, unit: str, folders: Iterable[str]) -> tuple[str, ...]:
    """The ``.conf`` files of several folders: of one name the first counts, and all are read by name."""
    chosen: dict[str, str] = {}
    for folder in folders:
        for name in root.names(folder):
            if name.endswith(".conf"):
                chosen.setdefault(name, f"{folder}/{name}")
    _few(unit, chosen, "drop-ins")
    return tuple(chosen[name] for name in sorted(chosen) if root.has_file(chosen[name]))


def _few(unit: str, found: Collection[str], what: str) -> None:
    """Refuse a flood of files: a folder may hold thousands, and each of them costs time.

    Raises:
        UnreadableError: there are more than any unit has.
    """
    if len(found) > MAX_DROP_INS:
        raise UnreadableError(unit, f"it has {len(found)} {what}, and netprobe reads up to {MAX_DROP_INS}")


def not_read(root: FileSystem, unit: str) -> Iterator[Ignored]:
    """Files in a unit's own drop-in folder of ``/etc`` that systemd does not read, since their name ends otherwise.

    Raises:
        UnreadableError: there are more than anybody leaves lying there.
    """
    folder = f"{UNIT_FOLDERS[0]}/{unit}.d"
    others = [name for name in root.names(folder) if not name.endswith(_NOT_MEANT) and not name.startswith(".")]
    _few(unit, others, "files beside its drop-ins")
    for path in (f"{folder}/{name}" for name in others):
        if not root.is_file(path):
            continue
        for number, line in root.lines(path, MAX_FILE):
            variable = _set_in(line)
            if variable:
                yield Ignored(file=path, line=number, variable=variable, reason="the file's name does not end in .conf")


def strays(root: FileSystem, words: Collection[str], known: Collection[str]) -> Iterator[tuple[str, Ignored]]:
    """Drop-ins in ``/etc`` for a unit that nobody has, by its name and line, of variables that they would set.

    Args:
        root: the host's or image's files.
        words: one of which the unit's name has in it.
        known: units that need not be there yet.
    """
    for folder in root.names(UNIT_FOLDERS[0])[:_MAX_NAMES]:
        unit = folder.removesuffix(".d")
        if not folder.endswith(".d") or unit in known or not any(word in unit for word in words):
            continue
        if unit_exists(root, unit) or "@" in unit or unit.endswith("-.service"):
            continue
        for path in root.glob(f"{UNIT_FOLDERS[0]}/{folder}", ".conf"):
            for number, line in root.lines(path, MAX_FILE):
                variable = _set_in(line)
                if variable:
                    reason = f"there is no unit {unit}"
                    yield unit, Ignored(file=path, line=number, variable=variable, reason=reason)


def _set_in(line: str) -> str:
    text = line.strip().removeprefix("Environment=").strip("\"' ")
    return "" if text.startswith(("#", ";")) else _meant(text.partition("=")[0].strip())


def assignments(root: FileSystem, unit: str) -> Iterator[Assignment]:
    """Every assignment of a unit, its drop-ins included, in order."""
    for path in files(root, unit):
        yield from read(root, path)[0]


@once.for_a_root
def environment(root: FileSystem, unit: str) -> tuple[Setting, ...]:
    """Every variable of a unit with its place, in the order in which systemd applies them: the last one holds.

    Args:
        root: the host's or image's files.
        unit: ``docker.service``.

    Raises:
        UnreadableError: a file is there and cannot be read, or there are more variables than any program is given.
    """
    direct = list(_manager(root))
    named: list[str] = []
    unset: set[str] = set()
    for one in assignments(root, unit):
        if one.section != "Service":
            continue
        if one.key == "Environment" and not one.value:
            direct.clear()
        elif one.key == "EnvironmentFile" and not one.value:
            named.clear()
        elif one.key == "Environment":
            direct += variables(one, unit)[0]
            bounded(direct, one.file)
        elif one.key == "EnvironmentFile" and (path := environment_path(one, unit)):
            named.append(path)
        elif one.key == "UnsetEnvironment" and not one.value:
            unset.clear()
        elif one.key == "UnsetEnvironment":
            unset.update(expanded(word, unit) for word in words(one.value) if word is not None)
    from_files = [setting for path in _existing(root, named) for setting in environment_file(root, path)]
    bounded(from_files, unit)
    every = (*direct, *from_files)
    held = {one.key: one.value for one in every}
    # UnsetEnvironment= names a variable, or one with the value that it has in the end.
    return tuple(one for one in every if unset.isdisjoint((one.key, f"{one.key}={held[one.key]}")))


def environment_path(one: Assignment, unit: str) -> str:
    """The file that an ``EnvironmentFile=`` names; nothing where systemd takes it for none.

    Quotes are part of the path, so one in quotes is not absolute (``config_parse_unit_env_file``, systemd 252).
    """
    path = expanded(one.value, unit).removeprefix("-")
    return path if path.startswith("/") and not unknown(one.value) else ""


def _existing(root: FileSystem, named: Iterable[str]) -> Iterator[str]:
    """The files of ``EnvironmentFile=``, whose last component may be a pattern (glob(7)), each once, the last place."""
    found: dict[str, None] = {}
    for path in named:
        folder, _, name = path.rpartition("/")
        matching = [path]
        if set(name) & set("*?["):
            matching = [f"{folder}/{entry}" for entry in root.names(folder) if fnmatch.fnmatchcase(entry, name)]
        for one in matching:
            found.pop(one, None)
            found[one] = None
    return iter(list(found)[-_MAX_FILES:])


@once.for_a_root
def _manager(root: FileSystem) -> tuple[Setting, ...]:
    """What ``DefaultEnvironment=`` gives every unit."""
    own = next((f"{folder}/system.conf" for folder in _MANAGER_FOLDERS if root.is_file(f"{folder}/system.conf")), None)
    drop_ins = _configuration(root, "system.conf", [f"{folder}/system.conf.d" for folder in _MANAGER_FOLDERS])
    found: list[Setting] = []
    for path in _bounded(root, "system.conf", (*(() if own is None else (own,)), *drop_ins)):
        for one in read(root, path)[0]:
            if one.section == "Manager" and one.key == "DefaultEnvironment":
                found += variables(one, "")[0]
    return tuple(found)


def variables(one: Assignment, unit: str) -> tuple[tuple[Setting, ...], tuple[Ignored, ...]]:
    """The variables of one ``Environment=``, and the words of it that systemd passes over.

    Args:
        one: the assignment.
        unit: the unit that it is for, for its specifiers; nothing for the manager's own.
    """
    taken: list[Setting] = []
    ignored: list[Ignored] = []
    for word in words(one.value):
        if word is None:
            reason = "a quote is not closed, or an escape is none of systemd's"
            ignored.append(Ignored(file=one.file, line=one.line, variable="Environment", reason=reason))
            break
        name, equals, content = word.partition("=")
        if equals and NAME.fullmatch(name):
            if rejected := unknown(content):
                reason = f"it knows no {rejected[0]}, so it drops the variable: write %% for a percent sign"
                ignored.append(Ignored(file=one.file, line=one.line, variable=name, reason=reason))
                continue
            replaced = [found for found in _SPECIFIER.findall(content) if found != "%%"]
            if replaced:
                reason = (
                    f"it puts something else in the place of {replaced[0]} in the value: write %% for a percent sign"
                )
                ignored.append(Ignored(file=one.file, line=one.line, variable=name, reason=reason))
            content = expanded(content, unit)
            taken.append(Setting(key=name, value=content, file=one.file, line=one.line))
            continue
        reason = "a blank in Environment= begins the next variable: put quotes around NAME=VALUE"
        ignored.append(Ignored(file=one.file, line=one.line, variable=_meant(name) or "Environment", reason=reason))
    return tuple(taken), tuple(ignored)


def words(text: str) -> Iterator[str | None]:
    """Split as ``extract_first_word`` does, quotes and C escapes undone; None ends what is invalid."""
    position, length = 0, len(text)
    while True:
        while position < length and text[position] in _BLANKS:
            position += 1
        if position >= length:
            return
        word, quote = [], ""
        while position < length and (quote or text[position] not in _BLANKS):
            if plain := _PLAIN[quote].match(text, position):
                word.append(plain[0])
                position = plain.end()
                continue
            character = text[position]
            position += 1
            if character == "\\":
                character, position = _unescaped(text, position)
                if not character:
                    yield None
                    return
                word.append(character)
            elif character == quote:
                quote = ""
            else:
                quote = character
        if quote:
            yield None
            return
        yield "".join(word).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _unescaped(text: str, position: int) -> tuple[str, int]:
    """What stands for the escape at a position, and where it ends; nothing for one that is none.

    ``cunescape_one`` of systemd 252: a byte by two hexadecimal or three octal digits, a character by four or eight
    hexadecimal ones, never the null character.
    """
    following = text[position : position + 1]
    if following in ("\\", '"', "'"):
        return following, position + 1
    numeric = _NUMERIC_ESCAPE.match(text, position)
    if numeric is None:
        return _ESCAPES.get(following, ""), position + 1
    kind = numeric.lastgroup
    number = int(numeric[kind or 0], 8 if kind == "octal" else 16)
    if number == 0 or number > (sys.maxunicode if kind == "character" else 255) or 0xD800 <= number < 0xE000:
        return "", position + 1
    is_byte = kind != "character" and number > 127
    return chr(0xDC00 + number if is_byte else number), numeric.end()


@once.for_a_root
def commands(root: FileSystem, unit: str) -> tuple[tuple[Place, tuple[str, ...]], ...]:
    """The commands of ``ExecStart=`` as words, variables of the unit's environment put in their place.

    A word that is ``$NAME`` alone becomes as many words as its value has; ``${NAME}`` becomes one (systemd.service(5)).
    """
    known = {setting.key: setting.value for setting in environment(root, unit)}
    found: list[tuple[Place, tuple[str, ...]]] = []
    for one in assignments(root, unit):
        if one.section != "Service" or one.key != "ExecStart":
            continue
        if not one.value:
            found = []
            continue
        place = Place(file=one.file, line=one.line, text="ExecStart")
        found.append((place, tuple(_expanded(one.value.lstrip("@-:+!"), known))))
    return tuple(found)


def _expanded(value: str, known: dict[str, str]) -> Iterator[str]:
    for word in words(value):
        if word is None:
            return
        alone = re.fullmatch(r"\$([A-Za-z_]\w*)", word)
        if alone is not None:
            yield from (part for part in words(known.get(alone[1], "")) if part is not None)
        else:
            yield re.sub(r"\$\{([A-Za-z_]\w*)\}", lambda match: known.get(match[1], ""), word)


def unit_exists(root: FileSystem, unit: str) -> bool:
    """Whether systemd has a file for a unit; what masks one (a link to /dev/null) is none."""
    return any(root.is_file(f"{folder}/{unit}") for folder in UNIT_FOLDERS)


def masked(root: FileSystem, unit: str) -> Place | None:
    """What hides a unit: a link to /dev/null or an empty file (systemd.unit(5)), in the first folder that has it."""
    for folder in UNIT_FOLDERS:
        entry = root.lentry(f"{folder}/{unit}")
        if entry is None:
            continue
        leads_to = posixpath.normpath(posixpath.join(folder, entry.target))
        is_empty = entry.kind is FileKind.FILE and entry.size == 0
        hides = is_empty or (entry.kind is FileKind.LINK and leads_to == "/dev/null")
        return Place(file=f"{folder}/{unit}") if hides else None
    return None


def refused(root: FileSystem, unit: str) -> tuple[str, tuple[Place, ...]] | None:
    """Why systemd does not load a service (``service_verify``, systemd 252, read 2026-11-29), and where that stands."""
    started: list[Place] = []
    stops, acts, remains, kind = False, False, False, ""
    for one in assignments(root, unit):
        if one.section != "Service":
            continue
        if one.key == "ExecStart":
            started = [*started, Place(file=one.file, line=one.line, text="ExecStart")] if one.value else []
        stops = stops or (one.key == "ExecStop" and bool(one.value))
        acts = one.value not in ("", "none") if one.key == "SuccessAction" else acts
        kind = one.value if one.key == "Type" else kind
        remains = one.value.lower() in _TRUE if one.key == "RemainAfterExit" else remains
    if len(started) > 1 and kind != "oneshot":
        return "it has more than one ExecStart=, and a drop-in replaces that only after an empty one", tuple(started)
    if not started and not (kind in ("", "oneshot") and (acts or (stops and remains))):
        return "it has no ExecStart=", tuple(Place(file=path) for path in files(root, unit)[-1:])
    return None


def absent_files(root: FileSystem, unit: str) -> Iterator[Place]:
    """Each ``EnvironmentFile=`` that must be there (no ``-`` before its path) and is not: the start fails."""
    wanted: list[Assignment] = []
    for one in assignments(root, unit):
        if one.section == "Service" and one.key == "EnvironmentFile":
            wanted = [*wanted, one] if one.value else []
    for one in wanted:
        path = environment_path(one, unit)
        if not path or one.value.startswith("-") or path.startswith(_MADE_AT_BOOT):
            continue
        if not any(root.exists(found) for found in _existing(root, [path])):
            yield Place(file=one.file, line=one.line, text=f"EnvironmentFile={path}"[:200])


def enabled(root: FileSystem, unit: str) -> Place | None:
    """The link that makes systemd start a unit at boot; None where there is none or it is masked."""
    if masked(root, unit) is not None:
        return None
    for folder in UNIT_FOLDERS:
        for name in root.names(folder):
            if not name.endswith((".wants", ".requires")):
                continue
            if root.lentry(f"{folder}/{name}/{unit}") is not None:
                return Place(file=f"{folder}/{name}/{unit}")
    return None
