"""Host names and host patterns: parse, match, cover, enumerate, compare.

A pattern is a host name in which a label may hold one ``*``, standing for **one or more characters of that
label**: ``ecs-a-*.us-east-2.amazonaws.com`` matches ``ecs-a-7.us-east-2.amazonaws.com`` and neither
``ecs-a-.us-east-2…`` nor ``ecs-a-x.y.us-east-2…``. That is the meaning AWS gives the asterisk in its list of
ECS Anywhere domains; what a firewall makes of an asterisk is the business of ``netprobe.render``.

Names follow RFC 1123 section 2.1 (letters, digits, hyphens) and the lengths of RFC 1035 section 2.3.4. This module
resolves nothing, and refuses internationalised names: no AWS endpoint has one, and a look-alike in an allowlist is
exactly what an attacker would want.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator

import msgspec

from netprobe.errors import InvalidHostnameError

AWS_SUFFIXES = (
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
)
"""The partitions' DNS suffixes (botocore 1.44.5, partitions.json)."""
DUAL_STACK_SUFFIXES = ("api.aws", "on.aws", "api.amazonwebservices.eu")
"""The suffixes of the dual-stack names outside China (the same; on.aws: ECR's and Lambda's, by AWS's pages of them)."""
MAX_NAME = 253
MAX_LABEL = 63
_LDH = re.compile(r"[a-z0-9*](?:[a-z0-9*-]*[a-z0-9*])?")
_REMEDY = "give a name such as ecs.us-east-2.amazonaws.com, or a pattern such as ecs-a-*.us-east-2.amazonaws.com"


@functools.lru_cache(maxsize=1 << 14)
def _labels(text: str) -> tuple[str, ...]:
    """Split and validate ``text``; the one place that decides what a name is.

    Cached, since every target of a render validates the same names; what is refused is longer than a name can be or
    raises, and neither is kept.
    """

    def bad(reason: str) -> InvalidHostnameError:
        return InvalidHostnameError(text, reason, _REMEDY)

    if not text:
        raise bad("an empty name is not a host name")
    if not text.isascii():
        raise bad("internationalised names are refused, since no AWS endpoint has one and look-alikes are dangerous")
    name = text.lower().removesuffix(".")
    if len(name) > MAX_NAME:
        raise bad(f"a host name has at most {MAX_NAME} characters, this has {len(name)}")
    labels = tuple(name.split("."))
    for label in labels:
        if not label:
            raise bad("a label between two dots is empty")
        if len(label) > MAX_LABEL:
            raise bad(f"a label has at most {MAX_LABEL} characters, one here has {len(label)}")
        if label.startswith("xn--"):
            raise bad("internationalised names (xn--) are refused, since no AWS endpoint has one")
        if not _LDH.fullmatch(label):
            raise bad("a label consists of letters, digits and hyphens, and neither begins nor ends with a hyphen")
        if label.count("*") > 1:
            raise bad("a label may hold one asterisk")
    if len(labels) < 2:
        raise bad("a single label is not a fully qualified name")
    if labels[-1].isdigit():
        raise bad("an address is not a host name")
    if any("*" in label for label in labels[-2:]):
        raise bad("the last two labels of a pattern must be literal")
    return labels


class Hostname(msgspec.Struct, frozen=True, order=True):
    """A concrete, validated, lower-case host name without trailing dot.

    Attributes:
        name: the name, for example ``ecs.us-east-2.amazonaws.com``.
    """

    name: str

    @classmethod
    def parse(cls, text: str) -> Hostname:
        """Validate ``text`` and put it into canonical form.

        Raises:
            InvalidHostnameError: it is not an RFC 1123 host name of at least two labels, or it holds an asterisk.
        """
        labels = _labels(text)
        if any("*" in label for label in labels):
            raise InvalidHostnameError(text, "a pattern stands where one host is needed", "name one host")
        return cls(".".join(labels))

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, left to right."""
        return tuple(self.name.split("."))

    def __str__(self) -> str:
        return self.name


class HostPattern(msgspec.Struct, frozen=True, order=True):
    """A host name whose labels may each hold one ``*`` (one or more characters of that label).

    Attributes:
        pattern: the canonical text.
    """

    pattern: str

    @classmethod
    def parse(cls, text: str) -> HostPattern:
        """Validate ``text`` and put it into canonical form.

        Raises:
            InvalidHostnameError: it is neither a host name nor a pattern; the message says which rule it breaks.
        """
        return cls(".".join(_labels(text)))

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, left to right, asterisks included."""
        return tuple(self.pattern.split("."))

    @property
    def is_exact(self) -> bool:
        """Whether the pattern names exactly one host."""
        return "*" not in self.pattern

    @property
    def is_leading_wildcard(self) -> bool:
        """Whether the first label is a bare ``*`` and every other label is literal (``*.dkr.ecr.…``)."""
        return self.pattern.startswith("*.") and "*" not in self.pattern[1:]

    @property
    def parent(self) -> str:
        """What follows the last label that holds an asterisk (for an exact name, what follows the first label)."""
        labels = self.labels
        last = max((i for i, label in enumerate(labels) if "*" in label), default=0)
        return ".".join(labels[last + 1 :])

    def host(self) -> Hostname:
        """The one host that an exact pattern names.

        Raises:
            InvalidHostnameError: the pattern has an asterisk.
        """
        return Hostname.parse(self.pattern)

    def matches(self, host: Hostname) -> bool:
        """Whether ``host`` is one of the names that the pattern stands for."""
        return _compiled(self.pattern).fullmatch(host.name) is not None

    def covers(self, other: HostPattern) -> bool:
        """Whether every host that ``other`` matches is matched by this pattern too."""
        mine, theirs = self.labels, other.labels
        return len(mine) == len(theirs) and all(map(_label_covers, mine, theirs))

    def enumerate(self, numbers: Iterable[int]) -> Iterator[Hostname]:
        """Put each number for the asterisk, in the order given.

        Args:
            numbers: the numbers to try, for example ``range(1, 33)``.

        Raises:
            InvalidHostnameError: the pattern does not hold exactly one asterisk.
        """
        if self.pattern.count("*") != 1:
            raise InvalidHostnameError(self.pattern, "only a pattern with one asterisk can be numbered", _REMEDY)
        for number in numbers:
            yield Hostname.parse(self.pattern.replace("*", str(number)))

    def regex(self, any_character: str = "[a-z0-9-]+") -> str:
        """The pattern as an unanchored regular expression that every common dialect reads alike.

        Args:
            any_character: what stands for the asterisk; the default is one or more of those that a host name
                may hold, so that blanks, ``@``, NUL and bytes beyond ASCII match nowhere.
        """
        return self.pattern.replace(".", r"\.").replace("*", any_character)

    def __str__(self) -> str:
        return self.pattern


@functools.lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace(".", r"\.").replace("*", "[^.]+"))


def _label_covers(mine: str, theirs: str) -> bool:
    """Containment of single labels; one asterisk a label makes the comparison of prefix and suffix exact."""
    if "*" not in mine:
        return mine == theirs
    prefix, _, suffix = mine.partition("*")
    if "*" not in theirs:
        return theirs.startswith(prefix) and theirs.endswith(suffix) and len(theirs) > len(prefix) + len(suffix)
    their_prefix, _, their_suffix = theirs.partition("*")
    return their_prefix.startswith(prefix) and their_suffix.endswith(suffix)
