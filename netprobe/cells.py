"""What a cell of a table may begin with, wherever a spreadsheet may open it.

A cell that begins with ``=``, ``+``, ``-`` or ``@`` (or their full-width forms) is a formula there (OWASP, "CSV
Injection", https://owasp.org/www-community/attacks/CSV_Injection, read 2026-11-28).
"""

from __future__ import annotations

FORMULA = ("=", "+", "-", "@", "\t", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def plain(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula when it opens CSV: an apostrophe marks it as text."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell
