"""The lines of a target's own file, for tools that type them into a device.

Where a collection has no module for what a device's rules are, its module for the command line takes the very lines
that the target writes, so the two cannot say different things. Comments and empty lines are left out.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from netprobe.catalog.model import Endpoint
from netprobe.render import text
from netprobe.render.filling import environment, policy_variables
from netprobe.render.model import File, Lowered, Policy, Target
from netprobe.render.text import Text
from netprobe.render.views import Rules


class Beneath(msgspec.Struct, frozen=True, kw_only=True):
    """Lines that stand beneath one, as Cisco's languages have it.

    Attributes:
        head: the line that has no indentation.
        body: the lines beneath it, without theirs; a line may have none.
    """

    head: Text
    body: tuple[Text, ...]


def typed(
    target: Target, file: File, lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy
) -> Mapping[str, object]:
    """What a notation's template sees of the file.

    Returns:
        ``typed``: every line, in order. ``removed``: the paths that its lines ``delete`` name. ``added``: the other
        lines. ``sections``: the lines with what stands beneath them.
    """
    variables = {
        "header": (),
        "rules": Rules.of(lowered.entries),
        **policy_variables(policy),
        **target.context(lowered, endpoints, policy),
    }
    written = environment(target.NAME, target.COMMENT).get_template(file.template).render(variables)
    mark = target.COMMENT.value.strip() or "\n"  # a language without comments has no such line
    lines = [one.rstrip() for one in written.splitlines() if one.strip() and not one.startswith(mark)]
    told = tuple(text.command(one.strip()) for one in lines)
    return {
        "typed": told,
        "removed": tuple(text.command(one.removeprefix(_DELETE)) for one in told if one.startswith(_DELETE)),
        "added": tuple(one for one in told if not one.startswith(_DELETE)),
        "sections": tuple(_sections(lines)),
    }


_DELETE = "delete "


def _sections(lines: Sequence[str]) -> Iterator[Beneath]:
    """The lines without indentation, each with those that stand beneath it."""
    at = [place for place, line in enumerate(lines) if not line.startswith(" ")]
    for start, end in itertools.pairwise([*at, len(lines)]):
        body = tuple(text.command(line.strip()) for line in lines[start + 1 : end])
        yield Beneath(head=text.command(lines[start]), body=body)
