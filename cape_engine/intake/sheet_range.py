"""How far a sheet of a workbook says that it reaches, known before it is read.

The reader makes room for every cell of that range. One stray cell in the last column of the last row asks for more
memory than any machine has, which would end the process and with it the import of all other files.
"""

from __future__ import annotations

import html
import re
import zipfile
from pathlib import Path

MOST_CELLS = 1 << 28
"""More than a full sheet of 250 columns; the reader takes 24 bytes for each."""
_HEAD_BYTES = 1 << 16  # the range stands before the first row
_TAG = re.compile(r"<(?:\w+:)?(?:sheet|Relationship)\s([^>]*)>")
_ATTRIBUTE = re.compile(r'([\w:]+)="([^"]*)"')
_RANGE = re.compile(r'<(?:\w+:)?dimension\s[^>]*?ref="(?:[A-Z]+[0-9]+:)?([A-Z]+)([0-9]+)"')


def too_large(path: Path, sheet: str) -> str:
    """The last cell of a sheet whose range has more than `MOST_CELLS` cells; empty if it has less or does not say.

    Args:
        path: of the workbook (.xlsx).
        sheet: its name.
    """
    try:
        with zipfile.ZipFile(path) as book:
            names = _attributes(book.read("xl/workbook.xml"))
            files = _attributes(book.read("xl/_rels/workbook.xml.rels"))
            number = next(tag["r:id"] for tag in names if html.unescape(tag.get("name", "")) == sheet)
            target = next(tag["Target"] for tag in files if tag.get("Id") == number)
            with book.open(target.removeprefix("/") if target.startswith("/") else f"xl/{target}") as stream:
                head = stream.read(_HEAD_BYTES).decode("utf-8", errors="replace")
    except (OSError, KeyError, StopIteration, ValueError, RuntimeError, zipfile.BadZipFile):
        return ""  # the reader says what is wrong
    found = _RANGE.search(head)
    if found is None:
        return ""
    column, row = found.groups()
    return column + row if _number(column) * int(row) > MOST_CELLS else ""


def _attributes(xml: bytes) -> list[dict[str, str]]:
    """The attributes of each sheet or relation."""
    return [dict(_ATTRIBUTE.findall(tag)) for tag in _TAG.findall(xml.decode("utf-8", errors="replace"))]


def _number(column: str) -> int:
    """A column by its letters: A is 1."""
    number = 0
    for letter in column:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number
