"""What takes long is begun first: pytest's workers get the tests in an order that leaves no long one for the end.

A run has ended when its slowest worker has. The release, a Debian, Ansible and a clean environment each take a minute
or more to make, mostly on one processor or waiting for a disk, and many tests stand on them; begun in the last third
of a run, as the alphabet has it, they keep one worker at work when all others have ended. xdist (``worksteal``) gives
each worker one slice of the order and lets whoever is idle steal from the end of another's slice. So each of
:data:`FIRST` begins a slice, and everything else follows as it was collected.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

FIRST = (
    # The release; what needs it and something else waits for it.
    ("tests/release/test_release_artefact.py", "tests/release/test_release_packages.py"),
    # A Debian, then Ansible and the hosts of two sites, with the release that has been built meanwhile.
    (
        "tests/host/test_docker_keys.py",
        "tests/host/test_image_debian.py",
        "tests/release/test_release_ansible.py",
        "tests/release/test_release_ansible_engines.py",
        "tests/release/test_release_ansible_packages.py",
        "tests/release/test_release_install.py",
        "tests/release/test_release_fleet_engines.py",
        "tests/release/test_release_systemd.py",
    ),
    # Long silences on networks of their own.
    ("tests/lab/test_chance.py", "tests/lab/test_starved.py", "tests/lab/test_matrix.py"),
    ("tests/test_readme.py", "tests/test_budget.py", "tests/exporter/test_prometheus.py"),
)
"""The files that begin a worker's slice, each group for one worker."""


class Collected(Protocol):
    """What is read of a collected test."""

    @property
    def nodeid(self) -> str:
        """Its name, which begins with its file."""
        ...


T = TypeVar("T", bound=Collected)


def in_order(tests: Sequence[T], workers: int) -> list[T]:
    """The tests, with what takes long at the beginning of the workers' slices.

    Args:
        tests: as collected.
        workers: how many there are; with one, all that takes long comes first.

    Returns:
        The same tests.
    """
    groups: list[list[T]] = [[] for _ in range(min(workers, len(FIRST)))]
    early = {file: number % len(groups) for number, files in enumerate(FIRST) for file in files}
    rank = {file: number for number, file in enumerate(file for files in FIRST for file in files)}
    others = []
    for test in sorted(tests, key=lambda test: rank.get(_file(test), len(rank))):
        number = early.get(_file(test))
        if number is None:
            others.append(test)
        else:
            groups[number].append(test)
    ordered: list[T] = []
    for number in range(workers):
        first = groups[number] if number < len(groups) else []
        # As xdist divides what is left among those who have nothing yet.
        size = (len(tests) - len(ordered)) // (workers - number)
        room = max(0, size - len(first))
        ordered += first + others[:room]
        del others[:room]
    return ordered + others


def _file(test: Collected) -> str:
    return test.nodeid.partition("::")[0]
