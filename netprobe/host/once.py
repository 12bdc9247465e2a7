"""What is read of one root file system, read once however many rules ask for it.

A host's files are looked at for a moment and judged by dozens of rules; most of those about Docker want the same unit.
What could not be read is kept, too, since finding that out costs as much as reading.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from netprobe.host.filesystem import FileSystem, UnreadableError

P = ParamSpec("P")
T = TypeVar("T")


def for_a_root(read: Callable[Concatenate[FileSystem, P], T]) -> Callable[Concatenate[FileSystem, P], T]:
    """Keep what a function reads, for as long as the root lives.

    Args:
        read: the function; its other arguments are hashable and given by position, and what it returns is not changed.
    """
    known: WeakKeyDictionary[FileSystem, dict[object, T | UnreadableError]] = WeakKeyDictionary()

    @functools.wraps(read)
    def reads(root: FileSystem, /, *args: P.args, **kwargs: P.kwargs) -> T:
        kept = known.setdefault(root, {})
        if args not in kept:
            try:
                kept[args] = read(root, *args, **kwargs)
            except UnreadableError as error:
                kept[args] = _same(error)
        found = kept[args]
        if isinstance(found, UnreadableError):
            raise _same(found)
        return found

    return reads


def _same(error: UnreadableError) -> UnreadableError:
    """One without a traceback, whose frames would keep the root alive."""
    return UnreadableError(error.path, error.reason, denied=error.denied)
