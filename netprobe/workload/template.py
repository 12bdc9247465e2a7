"""What a CloudFormation or compose value comes to, as far as the file itself tells.

``!Sub``, ``!Join``, ``!Ref`` to a parameter's default, ``!If`` (both branches), ``!Select``, ``!FindInMap`` with known
keys; everything else is unknown. Defaults, allowed values and mappings are read as the literals that CloudFormation
admits there (User Guide, "Parameters" and "Mappings": no function may stand in them, read 2026-11-28), so nothing can
unfold through them; what the functions of one file may come to is bounded by :data:`MAX_STEPS` all the same.

An unknown part leaves :data:`UNKNOWN` in the text, never a guess: the account in ``${AWS::AccountId}.dkr.ecr…`` stays
unknown and the registry's region is still read. ``${AWS::Region}`` becomes :data:`REGION`, since a template is deployed
to the regions that the user names.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from netprobe.errors import UnreadableFileError
from netprobe.workload.document import Intrinsic, List, Map, Value

UNKNOWN = "\x00"
"""Stands for any text; no valid name contains it."""
REGION = "\x01"
"""Stands for the region that the stack is deployed to."""
SUFFIX = "\x02"
"""Stands for that region's DNS suffix."""
_MOST = 16
_DEPTH = 20
MAX_STEPS = 500_000
"""How many values the functions of one file may walk through; a template of the largest size needs a tenth of it."""
_VARIABLE = re.compile(r"\$\{(!?)([A-Za-z0-9:._-]+)\}")
_COMPOSE = re.compile(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::?([-?+])([^{}]*))?\}|\$([A-Za-z_][A-Za-z0-9_]*)")
_PSEUDO = {"AWS::Region": REGION, "AWS::URLSuffix": SUFFIX, "AWS::Partition": "aws"}


class Template:
    """The parts of a template that values refer to.

    Attributes:
        open: what was asked for since the last question began and the file does not tell, each as one clause.
    """

    def __init__(self, root: Map | None = None, name: str = "the template") -> None:
        self._name = name
        self._steps = 0
        self._whole = self
        self.open: dict[str, None] = {}
        self._known: dict[str, tuple[str, ...]] = {}
        parameters = root.get("Parameters") if root is not None else None
        mappings = root.get("Mappings") if root is not None else None
        self.parameters = parameters if isinstance(parameters, Map) else Map(0)
        self.mappings = mappings if isinstance(mappings, Map) else Map(0)

    def within_loop(self, name: str, values: Value) -> Template:
        """The same inside an ``Fn::ForEach``, whose identifier is referred to as a parameter is.

        Args:
            name: the identifier.
            values: the collection; what is no list of values leaves the identifier open.
        """
        own = Map(0)
        if isinstance(values, List):
            own["AllowedValues"] = values
        inner = Template(name=self._name)
        inner.open, inner.mappings, inner._whole = self.open, self.mappings, self._whole
        inner.parameters.update(self.parameters)
        inner.parameters[name] = own
        return inner

    def leave_open(self, told: str) -> None:
        """Keep in mind that something was asked for which the file does not tell; the first few are enough."""
        if len(self.open) < _MOST:
            self.open[told] = None

    def texts(self, value: Value, depth: int = 0) -> tuple[str, ...]:
        """Every text that a value may come to, sixteen at most; a value that is none gives nothing.

        Raises:
            UnreadableFileError: the functions of the file have come to more than :data:`MAX_STEPS` values.
        """
        return _first(self._texts(value, depth))

    def _step(self) -> None:
        self._whole._steps += 1
        if self._whole._steps > MAX_STEPS:
            reason = f"has functions that come to more than {MAX_STEPS} values"
            raise UnreadableFileError(self._name, reason, "shorten its lists and mappings")

    def _texts(self, value: Value, depth: int) -> Iterator[str]:
        self._step()
        if depth > _DEPTH:
            yield UNKNOWN
        elif isinstance(value, bool):
            yield "true" if value else "false"
        elif isinstance(value, (str, int, float)):
            yield str(value)
        elif isinstance(value, Intrinsic):
            yield from self._function(value.name, value.argument, depth)
        elif isinstance(value, Map) and len(value) == 1:
            (name,) = value
            if name == "Ref" or name.startswith("Fn::"):
                yield from self._function(name.removeprefix("Fn::"), value[name], depth)

    def _function(self, name: str, argument: Value, depth: int) -> Iterator[str]:
        match name, argument:
            case "Ref", str():
                yield from self._reference(argument)
            case "Sub", str():
                yield from self._substituted(argument, Map(0), depth)
            case "Sub", List():
                own = argument[1] if len(argument) > 1 else None
                text = argument[0] if argument else ""
                yield from self._substituted(str(text), own if isinstance(own, Map) else Map(0), depth)
            case "Join", List() if len(argument) == 2 and isinstance(argument[1], List):
                yield from self._joined(str(argument[0]), argument[1], depth)
            case "If", List() if len(argument) == 3:
                yield from self._texts(argument[1], depth + 1)
                yield from self._texts(argument[2], depth + 1)
            case "Select", List() if len(argument) == 2 and isinstance(argument[1], List):
                index = str(argument[0])
                chosen = argument[1]
                known = index.isascii() and index.isdigit() and int(index[:6]) < len(chosen)
                yield from self._texts(chosen[int(index[:6])], depth + 1) if known else iter((UNKNOWN,))
            case "FindInMap", List() if len(argument) == 3:
                yield from self._found(argument, depth)
            case _:
                yield UNKNOWN

    def _reference(self, name: str) -> tuple[str, ...]:
        if name in _PSEUDO:
            return (_PSEUDO[name],)
        if name == "AWS::NoValue":
            return ()
        if name not in self._known:
            self._known[name] = _first(self._parameter(name))
        return self._known[name]

    def _parameter(self, name: str) -> Iterator[str]:
        """The default of a parameter, or else its allowed values."""
        parameter = self.parameters.get(name)
        default = parameter.get("Default") if isinstance(parameter, Map) else None
        allowed = parameter.get("AllowedValues") if isinstance(parameter, Map) else None
        if default is not None:
            yield _literal(default)
        elif isinstance(allowed, List):
            yield from map(_literal, allowed)
        else:
            yield UNKNOWN

    def _substituted(self, text: str, own: Map, depth: int) -> Iterator[str]:
        pieces: list[tuple[str, ...]] = []
        position = 0
        for match in _VARIABLE.finditer(text):
            pieces.append((text[position : match.start()],))
            position = match.end()
            if match[1]:
                pieces.append((f"${{{match[2]}}}",))
            elif match[2] in own:
                pieces.append(self.texts(own[match[2]], depth + 1) or (UNKNOWN,))
            elif "." in match[2]:
                pieces.append((UNKNOWN,))
            else:
                pieces.append(self._reference(match[2]) or ("",))
        pieces.append((text[position:],))
        yield from ("".join(parts) for parts in itertools.islice(itertools.product(*pieces), _MOST))

    def _joined(self, separator: str, items: List, depth: int) -> Iterator[str]:
        pieces = [self.texts(item, depth + 1) or (UNKNOWN,) for item in items]
        yield from (separator.join(parts) for parts in itertools.islice(itertools.product(*pieces), _MOST))

    def _found(self, argument: List, depth: int) -> Iterator[str]:
        tables = self.mappings.get(str(argument[0]))
        if not isinstance(tables, Map):
            yield UNKNOWN
            return
        for first in self.texts(argument[1], depth + 1):
            # The region is the user's: every row of the table may be meant.
            rows = list(tables.values()) if first in (REGION, UNKNOWN) else [tables.get(first)]
            seconds = self.texts(argument[2], depth + 1)
            for row in rows:
                self._step()
                if isinstance(row, Map):
                    yield from (_literal(row[second]) for second in seconds if second in row)


def _first(texts: Iterator[str]) -> tuple[str, ...]:
    """The first different ones; what comes after them is not looked at."""
    found: dict[str, None] = {}
    for text in texts:
        found[text] = None
        if len(found) == _MOST:
            break
    return tuple(found)


def _literal(value: Value) -> str:
    """A value that may not be a function."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (str, int, float)) else UNKNOWN


def interpolated(text: str) -> str:
    """A compose value with the defaults of its variables; a variable without one is unknown."""

    def one(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return match[3] if match[2] == "-" else UNKNOWN

    return _COMPOSE.sub(one, text)
