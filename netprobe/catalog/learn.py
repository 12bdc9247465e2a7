"""Turn a transcript into facts for review: ``python -m netprobe.catalog.learn TRANSCRIPT [--source LINK]``.

A transcript (:mod:`netprobe.catalog.transcripts`) tells what the services answered in one network. This prints it as
``[[answer]]`` blocks of ``data/answers.toml``, to be looked through and appended by a person, with what contradicts
today's expectation in comments. Nothing is changed and nothing is fetched. Only what the origin said counts: an answer
over somebody else's chain is none, and says nothing of the service.

The file is a stranger's. Its reader bounds it and holds every text to its form; what is printed here is made of words
of the catalog, of numbers, and of texts that are quoted as TOML.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from netprobe import reading
from netprobe.catalog import store
from netprobe.catalog.model import Answered
from netprobe.catalog.store import Catalog
from netprobe.catalog.transcripts import MAX_BYTES, Said, Transcript, read
from netprobe.errors import NetprobeError, UsageError

SOURCE = "a transcript of netprobe check"
MOST_REGIONS = 6


class Learnt(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which an entry answered.

    Attributes:
        entry: the catalog entry.
        step: ``http`` or ``websocket``.
        told: the answer in words.
        status: its status.
        regions: where, sorted.
    """

    entry: str
    step: Literal["http", "websocket"]
    told: str
    status: int
    regions: tuple[str, ...]


def learnt(transcript: Transcript, facts: Catalog) -> tuple[Learnt, ...]:
    """What the origin answered, alike answers of several regions and names together.

    Args:
        transcript: a transcript that was read.
        facts: the catalog; what it has no entry for is left out.
    """
    found: dict[tuple[str, Literal["http", "websocket"], str, int], set[str]] = {}
    asked = {entry.id: facts.requests[entry.probe].method for entry in facts.entries}
    regions = {region.id for region in facts.regions}
    for heard in transcript.heard:
        if heard.origin is not True or heard.entry not in asked or heard.region not in regions:
            continue
        for said in heard.said:
            if said.status is None or said.failure == "http_service_error" or not _is_ours(said, asked[heard.entry]):
                continue
            found.setdefault((heard.entry, said.step, words(said), said.status), set()).add(heard.region)
    return tuple(
        Learnt(entry=entry, step=step, told=told, status=status, regions=tuple(sorted(where)))
        for (entry, step, told, status), where in sorted(found.items())
    )


def _is_ours(said: Said, method: str) -> bool:
    """Whether it answers the request that the catalog asks by, and not a control of it."""
    return said.step == "websocket" or said.method == method


def words(said: Said) -> str:
    """An answer in a few words."""
    parts = [str(said.status)]
    parts += [said.content_type] if said.content_type else []
    parts += [f"error {said.error}"] if said.error else []
    parts += [f"Server {said.server}"] if said.server else []
    parts += [f"with {said.request_id}"] if said.request_id else ["no request id"]
    parts += [f"to {said.location}"] if said.location else []
    parts += [f"{name}: {value}" for name, value in sorted(said.values.items())]
    return ", ".join(parts)


def contradictions(transcript: Transcript, facts: Catalog) -> Iterator[str]:
    """What the transcript shows and the catalog did not expect, one line each."""
    for one in learnt(transcript, facts):
        known = _known(facts, one.entry, one.step)
        if known is not None and known.status and one.status not in known.status:
            yield (
                f"{one.entry} ({one.step}) answered {one.status} in {_some(one.regions)}; "
                f"{known.short}: {', '.join(map(str, known.status))}"
            )
    for heard in transcript.heard:
        if heard.entry not in facts.answers:
            yield f"{heard.entry} in {heard.region} is no entry of this catalog"
            continue
        for said in heard.said:
            if said.status is not None and not said.failure and not said.recognised:
                yield f"{heard.entry} ({said.step}) in {heard.region} bore no mark that is known: {words(said)}"


def _known(facts: Catalog, entry: str, step: str) -> Answered | None:
    return next((one for one in facts.answers[entry] if one.step == step), None)


def _some(regions: tuple[str, ...]) -> str:
    shown = ", ".join(regions[:MOST_REGIONS])
    return shown if len(regions) <= MOST_REGIONS else f"{shown} and {len(regions) - MOST_REGIONS} more"


def numbers(transcript: Transcript) -> Mapping[str, tuple[int, ...]]:
    """Which numbered names answered: ``ecs-a in us-east-2`` → their numbers."""
    found: dict[str, set[int]] = {}
    for heard in transcript.heard:
        if heard.number is not None and heard.origin is True:
            found.setdefault(f"{heard.entry} in {heard.region}", set()).add(heard.number)
    return {where: tuple(sorted(seen)) for where, seen in sorted(found.items())}


def fragment(transcript: Transcript, facts: Catalog, source: str = SOURCE) -> str:
    """The text for review: TOML that may be appended to ``answers.toml``, with what it contradicts above it.

    Raises:
        UsageError: it was made in the lab.
    """
    if transcript.roots == "lab":
        raise UsageError("this transcript", "was made in the lab, whose answers are nobody's", "check a real network")
    lines = [
        f"# Learnt from a transcript of {transcript.made}, by netprobe {_comment(transcript.netprobe_version)}.",
        "# Look through it, then append it to netprobe/catalog/data/answers.toml.",
    ]
    if transcript.roots == "given":
        lines.append("# Who answered was judged by roots that its maker named (--origin-ca): ask which, and why.")
    told = list(dict.fromkeys(contradictions(transcript, facts)))
    lines += (
        ["#", "# It contradicts or exceeds what the catalog says:", *(f"# - {_comment(one)}" for one in told)]
        if told
        else []
    )
    seen = numbers(transcript)
    lines += ["#", "# Numbered names that answered:"] if seen else []
    lines += [f"# - {where}: {', '.join(map(str, found))}" for where, found in seen.items()]
    for one in learnt(transcript, facts):
        lines += [
            "",
            "[[answer]]",
            f"of = [{_quoted(one.entry)}]",
            f'step = "{one.step}"',
            "seen = true",
            f"told = {_quoted(f'{one.told} (in {_some(one.regions)})')}",
            f"status = [{one.status}]",
            f"source = {_quoted(source)}",
            f"date = {_quoted(transcript.made)}",
        ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A TOML string of one line (its escapes are JSON's, for what is printable)."""
    return json.dumps(_comment(text), ensure_ascii=False)


def _comment(text: str) -> str:
    """A text that stays on its line."""
    return "".join(character if character.isprintable() else "?" for character in text)[:300]


def main(arguments: list[str] | None = None) -> int:
    """The command line; 2 where the file is none, like every mistake of a user."""
    parser = argparse.ArgumentParser(prog="python -m netprobe.catalog.learn", description=__doc__.splitlines()[0])
    parser.add_argument("transcript", type=Path, help="what netprobe check --transcript wrote")
    parser.add_argument("--source", default=SOURCE, help="where it can be read (a link), for the catalog")
    given = parser.parse_args(arguments)
    try:
        transcript = read(_bytes(given.transcript), str(given.transcript))
        sys.stdout.write(fragment(transcript, store.load(), given.source))
    except NetprobeError as error:
        sys.stderr.write(f"netprobe: {error}\n")
        return 2
    return 0


def _bytes(path: Path) -> bytes:
    return reading.read(path, MAX_BYTES, "give a file that netprobe check --transcript wrote")


if __name__ == "__main__":
    sys.exit(main())
