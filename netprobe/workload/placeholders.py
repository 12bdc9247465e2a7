"""What people and pipelines write where a value comes later: in a file that is judged before it is filled in.

Such a word is no host and no account: a name made of it would be asked for in vain, or take a line in an allowlist that
lets nothing through. Docker and DNS take most of them for no name at all; some look like one.
"""

from __future__ import annotations

import re

from netprobe.workload.template import UNKNOWN

_MARKED = re.compile(r"\$\{[^{}/]*\}|\$\([^()/]*\)|\{\{[^{}/]*\}\}|<[^<>/]*>|%[A-Za-z_]\w*%|\$[A-Za-z_]\w*", re.ASCII)
"""What envsubst, a shell, Jinja2, CodePipeline (``<IMAGE1_NAME>``) and people write for a value that comes later."""
_REGION = re.compile(r"(?:aws|my|your|the)?[_-]?region(?:[_-]?(?:name|id|code))?|xx-x+-x", re.IGNORECASE)
_WORD = re.compile(
    r"x{4,}|change[_-]?me\w*|replace[_-]?me\w*|placeholder|fixme"
    r"|your[_-]?(?:registry|domain|company|org|corp|account|host|mirror|region|splunk|log)[\w-]*",
    re.IGNORECASE,
)
"""A label that nobody gives a host of his own."""
_EXAMPLES = frozenset({"123456789012", "012345678901", "000000000000"})
"""Numbers that stand for an account in AWS's pages and LocalStack's, and that nobody has (IAM User Guide, read
2026-11-29)."""
_FEW_DIGITS = 6
"""With as many, a label is an account's number with a slip in it."""


def opened(text: str) -> str:
    """The text with :data:`UNKNOWN` for each word in a pipeline's marks."""
    return _MARKED.sub(UNKNOWN, text)


def is_account(label: str) -> bool:
    """Whether a label of Amazon ECR's stands in an account's place: AWS gives nobody such a number."""
    return label in _EXAMPLES or sum(map(str.isdigit, label)) < _FEW_DIGITS


def is_region(label: str) -> bool:
    """Whether a label is a word for a region."""
    return _REGION.fullmatch(label) is not None


def is_host(host: str) -> bool:
    """Whether what is written for a host stands for one that is yet to be filled in."""
    first, *more = opened(host).split(".")
    return UNKNOWN in opened(host) or any(_WORD.fullmatch(label) for label in (first, *more[:-1]))
