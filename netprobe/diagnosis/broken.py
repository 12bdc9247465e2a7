"""What a rule is asked about: one failure, where it happened, and all that may be read to explain it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from netprobe.diagnosis.causes import Cause, CauseGroup, Words
from netprobe.diagnosis.evidence import Evidence
from netprobe.diagnosis.views import View, ViewedPath
from netprobe.findings import Place
from netprobe.observations import Observation

if TYPE_CHECKING:
    from netprobe.diagnosis.clock import Clock


class Broken(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One failure of one host, for the rules of its step.

    Attributes:
        world: the whole run.
        view: the host.
        path: the way that it broke, or None for a name.
        o: the failure; of a name also the answer that leads nowhere.
        blocking: whether the host has no way left because of it.
        clock: what the Date headers of the run say.
    """

    world: Evidence
    view: View
    path: ViewedPath | None
    o: Observation
    blocking: bool
    clock: Clock | None = None

    def cause(
        self,
        id_: str,
        say: Callable[[CauseGroup], Words],
        *,
        key: str = "",
        beside: tuple[Observation, ...] = (),
        controls: tuple[Observation, ...] = (),
        repeat: Observation | None = None,
        doubt: str = "",
        places: tuple[Place, ...] = (),
    ) -> Cause:
        """The cause of it.

        Args:
            id_: the finding.
            say: writes the sentence.
            key: as :attr:`Cause.key`.
            beside: what shows it, beside the failure itself.
            controls: as :attr:`Cause.controls`.
            repeat: as :attr:`Cause.repeat`.
            doubt: as :attr:`Cause.doubt`.
            places: as :attr:`Cause.places`.
        """
        return Cause(
            id=id_,
            key=key,
            say=say,
            view=self.view,
            evidence=(self.o, *beside),
            controls=controls,
            repeat=repeat,
            doubt=doubt,
            blocking=self.blocking,
            places=places,
        )
