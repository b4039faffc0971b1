"""CBP's own files of a claim, as text: Claim Details, and the Validation Result File in our form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

ENDINGS = {"crlf": "\r\n", "lf": "\n"}
"""Line ends by the words of `claim.newline`."""
_QUOTED = frozenset('",\r\n')


def csv_text(head: Sequence[str], rows: Iterable[Sequence[str]], newline: str) -> bytes:
    """Rows as CSV in UTF-8; cells are quoted only where they must be.

    Args:
        head: column names.
        rows: cells as text.
        newline: word of `claim.newline`.
    """
    end = ENDINGS[newline]
    lines = [",".join(head)]
    for row in rows:
        line = ",".join(row)
        plain = '"' not in line and "\n" not in line and "\r" not in line and line.count(",") == len(row) - 1
        lines.append(line if plain else ",".join([_cell(cell) for cell in row]))
    return (end.join(lines) + end).encode()


def _cell(cell: str) -> str:
    """A cell, quoted where a comma, a quote or a line end stands in it; text guards stay as they are."""
    if _QUOTED.isdisjoint(cell) or cell.startswith('="'):
        return cell
    return '"' + cell.replace('"', '""') + '"'


def guarded(text: str) -> str:
    """A number as Excel keeps it as text: `="ABC12345676"`."""
    return f'="{text}"'
