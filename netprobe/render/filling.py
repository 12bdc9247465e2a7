"""What fills a target's templates: their environment, and what they see of the policy.

Autoescape is off, because it escapes for HTML and these are firewall rules; instead **no template can print a plain
string**: ``finalize`` refuses whatever is neither a number nor :class:`netprobe.render.text.Text`. A value that nobody
validated is a bug (exit 3), never output.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from netprobe import resources
from netprobe.render import text
from netprobe.render.filters import FILTERS, comment, only_validated
from netprobe.render.model import DEFAULT_NAME, Comment, Policy
from netprobe.render.naming import named_networks

if TYPE_CHECKING:
    import jinja2


def policy_variables(policy: Policy) -> dict[str, object]:
    """What templates see of the policy: the form, the hosts' networks, and the stem of names in three spellings."""
    sources, keep = named_networks(policy.sources), named_networks(policy.keep)
    stem = text.identifier(policy.name)
    return {
        "enforce": policy.enforce,
        "all_ports": policy.all_ports,
        "sources": sources,
        "sources4": tuple(one for one in sources if one.version == 4),
        "sources6": tuple(one for one in sources if one.version == 6),
        "keep4": tuple(one for one in keep if one.version == 4),
        "keep6": tuple(one for one in keep if one.version == 6),
        "name": stem,
        "stem": text.identifier(stem.replace("-", "_")),
        "chain": text.identifier(stem.upper()),
        "block": _block(policy.name),
    }


def _block(name: str) -> int:
    """A number for the stem, for devices whose rules have numbers: two renders under two names do not collide."""
    if name == DEFAULT_NAME:
        return 0
    import zlib  # late: hardly anybody names two renders

    return 1 + zlib.crc32(name.encode()) % 85


@functools.lru_cache(maxsize=64)
def environment(target: str, style: Comment) -> jinja2.Environment:
    """The Jinja2 environment of one target: strict, without autoescape, and closed to plain strings."""
    import jinja2  # late: 'netprobe targets' and 'netprobe explain' fill no template

    env = jinja2.Environment(
        loader=jinja2.FunctionLoader(resources.template_source(target)),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - it escapes HTML; only_validated guards these
        finalize=only_validated,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    env.filters.clear()
    env.filters.update({**FILTERS, "comment": functools.partial(comment, style=style)})
    env.globals.clear()
    return env
