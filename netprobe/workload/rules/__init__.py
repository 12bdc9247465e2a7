"""The rules of ``netprobe workload``: what external instances cannot do for a task definition or service.

A rule looks at one file's :class:`Workload`. AWS changes its mind here as well; the rule's page says what was true when
and from which agent version on. Which rules there are is said here and nowhere else.

The command line may import it, and ``rulebook`` for the pages. A rule never passes what a file leaves open.
"""

from __future__ import annotations

from netprobe.rules import Rule
from netprobe.workload.model import Workload
from netprobe.workload.rules import services, tasks

RULES: tuple[Rule[Workload], ...] = (*tasks.RULES, *services.RULES)
