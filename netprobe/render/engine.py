"""From endpoints to files: lower, refuse, then lay the text out with Jinja2.

Templates decide nothing: they get entries by form and port, and print them (``render.filling``).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from netprobe.catalog.model import Endpoint
from netprobe.errors import CannotExpressError
from netprobe.render import targets, text
from netprobe.render.filling import environment, policy_variables
from netprobe.render.header import FEW, Origin, header, made_by, remedies
from netprobe.render.lowering import lower
from netprobe.render.model import DEFAULT_NAME, File, Loss, Lowered, Options, Policy, Target
from netprobe.render.naming import stemmed
from netprobe.render.policy import settle
from netprobe.render.views import EndpointView, LossView, Rules


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A target's output.

    Attributes:
        target: its name.
        lowered: what it admits and what was lost.
        main: the text for stdout, complete by itself.
        fill: lays out one file.
        wanted: the files that a directory gets.
        name: the stem of the files' names.
    """

    target: str
    lowered: Lowered
    main: str
    fill: Callable[[File], str]
    wanted: Sequence[File]
    name: str = DEFAULT_NAME

    owned: Sequence[str] = ()
    """Every name that the target may write into a folder, in whichever form."""

    @functools.cached_property
    def files(self) -> Mapping[str, str]:
        """Every file for a directory, by its fixed name; laid out when asked for, since stdout takes the main one."""
        return {stemmed(file.name, self.name): self.fill(file) for file in self.wanted}


def render(
    target: str | Target,
    endpoints: Sequence[Endpoint],
    *,
    origin: Origin,
    options: Options,
    policy: Policy | None = None,
) -> Rendered:
    """Render one target.

    Args:
        target: a name of ``TARGETS``, or a module of that shape.
        endpoints: what is to be admitted.
        origin: what the header tells of where the output comes from.
        options: what lowering may do.
        policy: whether it also denies, for whom, and under which name; unless given, it only allows.

    Raises:
        UsageError: an unknown target, one that cannot do what the policy asks for, or addresses are needed and none
            were given.
        CannotExpressError: a required endpoint cannot be said, or anything with ``options.exact``, or nothing at all.
    """
    module = targets.get(target) if isinstance(target, str) else target
    wished = policy or Policy()
    settle(module, wished)
    lowered = lower(endpoints, module.CAPABILITY, options)
    # A file without a single entry could not be told from one that denies nothing, and in some formats is just that.
    nothing = not lowered.entries
    fatal = [loss for loss in lowered.refused if loss.required or options.exact or nothing]
    if fatal:
        raise CannotExpressError(tuple(sentences(fatal, origin.ways)))
    if nothing:
        raise CannotExpressError(("no endpoint is left to admit, so there is nothing to write",))
    variables: dict[str, object] = {
        "header": tuple(map(text.line, header(module, endpoints, lowered, origin, wished))),
        "made_by": text.line(made_by(origin), limit=1000),
        "rules": Rules.of(lowered.entries),
        "losses": tuple(map(LossView.of, lowered.losses)),
        "endpoints": tuple(map(EndpointView.of, endpoints)),
        **policy_variables(wished),
        **module.context(lowered, tuple(endpoints), wished),
    }

    def fill(file: File) -> str:
        env = environment(file.folder or module.NAME, module.COMMENT)
        return env.get_template(file.template).render(variables)

    return Rendered(
        target=module.NAME,
        lowered=lowered,
        main=fill(module.MAIN),
        fill=fill,
        wanted=tuple(file for file in module.FILES if _belongs(file, wished) and file.when(lowered)),
        name=wished.name,
        owned=tuple(stemmed(file.name, wished.name) for file in module.FILES),
    )


def _belongs(file: File, policy: Policy) -> bool:
    """Whether a file is part of the form that the policy asks for."""
    return file.enforces in (None, policy.enforce) and (bool(policy.sources) or not file.scoped)


def sentences(losses: Sequence[Loss], ways: Mapping[str, str] | None = None) -> Iterator[str]:
    """Refusals as lines for stderr; those of one region with one reason are one line."""
    together: dict[tuple[str, str], list[Loss]] = {}
    for loss in losses:
        together.setdefault((loss.region, loss.explanation), []).append(loss)
    for (region, explanation), group in together.items():
        who = ", ".join(loss.endpoint for loss in group)
        patterns = f", {', '.join(loss.pattern for loss in group)}" if len(group) <= FEW else ""
        yield f"{group[0].kind}: {who} in {region}{patterns}: {explanation}{remedies(group[0], ways)}"
