"""Reads one rule file strictly: columns, keys, periods and every value, refused with file, row, key and next step."""

from __future__ import annotations

import csv
import datetime as dt
import io
import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NoReturn

from cape_engine.errors import RuleFileError
from cape_engine.money import MoneyFault, parse_rate

_ONE_DAY = dt.timedelta(days=1)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

Parser = Callable[[str], Any]
Raw = str | list[str]
"""A row as its text, or as its cells."""
_MANY = 8  # of so many rows one may have quotes before it is quicker to read them all as CSV


class BadValueError(ValueError):
    """A cell that its column does not take; the text says why."""


@dataclass(frozen=True, slots=True)
class Table:
    """How one rule file must look.

    Attributes:
        file: its name in the rules folder.
        columns: column name and parser of each column, in the order of the row class.
        make: builds a row from the parsed values, in that order.
        key: columns that identify a row (within its period); none when the whole file is one sequence of periods.
        period: columns of first and last day, both inclusive; empty when the rows are not dated.
        gapless: whether each period must begin the day after the one before.
        names: of the columns.
        typed: place and parser of each column that is more than text.
    """

    file: str
    columns: tuple[tuple[str, Parser], ...]
    make: Callable[..., Any]
    key: tuple[str, ...]
    period: tuple[str, str] | None = None
    gapless: bool = False
    names: tuple[str, ...] = field(init=False)
    typed: tuple[tuple[int, Parser], ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(name for name, _ in self.columns))
        parsers = enumerate(parser for _, parser in self.columns)
        object.__setattr__(self, "typed", tuple((place, parser) for place, parser in parsers if parser is not text))


def refuse(file: str, row: int | None, key: object, why: str, step: str) -> NoReturn:
    """Raise the one kind of error a rule file gives."""
    place = f"rule file {file}" + (f", row {row}" if row is not None else "") + (f", {key}" if key else "")
    raise RuleFileError(f"{place}: {why}. {step}")


# --- values -----------------------------------------------------------------------------------------------------------


def text(cell: str) -> str:
    """Any text, also none."""
    return cell


def needed(cell: str) -> str:
    """Text that may not be blank."""
    if not cell.strip():
        raise BadValueError("is blank")
    return cell


@lru_cache(maxsize=1 << 12)  # a few hundred days stand in thousands of cells
def day(cell: str) -> dt.date:
    """A day as YYYY-MM-DD."""
    if not _DAY.fullmatch(cell):
        raise BadValueError(f"{cell!r} is not a day like 2026-04-20")
    try:
        return dt.date.fromisoformat(cell)
    except ValueError as error:
        raise BadValueError(f"{cell!r} is not a day of the calendar") from error


def maybe_day(cell: str) -> dt.date | None:
    """A day, or blank for an open end."""
    return day(cell) if cell else None


@lru_cache(maxsize=1 << 12)  # the tariff has eleven thousand numbers and a few hundred rates
def rate(cell: str) -> int:
    """A rate as billionths."""
    value = parse_rate(cell)
    if isinstance(value, MoneyFault) or not cell[:1].isdigit():
        why = value.value if isinstance(value, MoneyFault) else "not plain digits"
        raise BadValueError(f"{cell!r} is not a rate like 0.065 ({why})")
    return value


def maybe_rate(cell: str) -> int | None:
    """A rate as billionths, or None where the file gives none."""
    return rate(cell) if cell else None


def rate_or_zero(cell: str) -> int:
    """A rate as billionths, 0 where the formula does not use it."""
    return rate(cell) if cell else 0


def whole(cell: str) -> int:
    """A whole number of at least zero."""
    if not (cell.isascii() and cell.isdigit()):
        raise BadValueError(f"{cell!r} is not a whole number")
    return int(cell)


def maybe_whole(cell: str) -> int | None:
    """A whole number, or None."""
    return whole(cell) if cell else None


@lru_cache(maxsize=1 << 12)
def words(cell: str) -> tuple[str, ...]:
    """Words separated by semicolons."""
    parts = tuple(part.strip() for part in cell.split(";")) if cell else ()
    if any(not part for part in parts):
        raise BadValueError(f"{cell!r} holds an empty word between semicolons")
    return parts


def yes(cell: str) -> bool:
    """Y or N."""
    if cell not in {"Y", "N"}:
        raise BadValueError(f"{cell!r} is neither Y nor N")
    return cell == "Y"


def maybe_yes(cell: str) -> bool | None:
    """Y, N, or None where the file does not say."""
    return yes(cell) if cell else None


def hts8(cell: str) -> str:
    """An eight-digit tariff number without dots."""
    if len(cell) != 8 or not (cell.isascii() and cell.isdigit()):  # noqa: PLR2004 - the legal number has eight digits
        raise BadValueError(f"{cell!r} is not eight digits")
    return cell


def one_of(*choices: str) -> Parser:
    """A parser of a closed list of words."""
    allowed = frozenset(choices)

    def parse(cell: str) -> str:
        if cell not in allowed:
            raise BadValueError(f"{cell!r} is not one of {', '.join(repr(choice) for choice in choices)}")
        return cell

    return parse


# --- tables -----------------------------------------------------------------------------------------------------------


def cells(table: Table, content: str) -> list[tuple[int, list[str]]]:
    """The rows of a file as text, in the order of the table's columns, with the line each ends on.

    Raises:
        RuleFileError: not CSV, a column unknown, missing or twice, or a row of another length.
    """
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    try:
        header = next(reader, [])
        order = _order(table, header)
        found = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        refuse(table.file, reader.line_num, None, f"not readable as CSV: {error}", "Save it as comma-separated UTF-8.")
    if not found:
        refuse(table.file, None, None, "no rows below the header", "Restore the file.")
    for line, row in found:
        if len(row) != len(header):
            why = f"{len(row)} cells where the header has {len(header)}"
            refuse(table.file, line, " ".join(row[:1]), why, "Quote cells that hold commas, and give every column.")
    return found if order is None else [(line, [row[index] for index in order]) for line, row in found]


def uncut(table: Table, content: str) -> tuple[Sequence[int], list[Raw]]:
    """Lines and rows of a large file, the rows cut into cells later (`cut`) where every comma ends a cell.

    A run asks for a few hundred of the tariff's eleven thousand rows; to cut them all takes 30 ms, to count their
    commas 3.

    Raises:
        RuleFileError: as `cells`.
    """
    header, _, rest = content.partition("\n")
    commas = len(table.names) - 1
    texts = rest.removesuffix("\n").split("\n")
    whole = [place for place, row in enumerate(texts) if '"' in row or row.count(",") != commas]
    if "\r" in content or header.split(",") != list(table.names) or _MANY * len(whole) > len(texts):
        return _all_cut(table, content)
    found: list[Raw] = [*texts]
    for place in whole:
        try:
            row = next(csv.reader((texts[place],), strict=True), [])
        except csv.Error:
            row = []
        if len(row) != commas + 1:  # a cell of several lines, or a fault that `cells` names
            return _all_cut(table, content)
        found[place] = row
    return range(2, len(found) + 2), found


def _all_cut(table: Table, content: str) -> tuple[Sequence[int], list[Raw]]:
    """Lines and rows of a file, every row read as CSV."""
    found = cells(table, content)
    return [line for line, _ in found], [row for _, row in found]


def cut(row: Raw) -> Sequence[str]:
    """The cells of a row."""
    return row.split(",") if isinstance(row, str) else row


def _order(table: Table, header: list[str]) -> list[int] | None:
    """Where each column of the table stands in `header`; None when it is the table's own order."""
    if tuple(header) == table.names:
        return None
    unknown = [name for name in header if name not in table.names]
    missing = [name for name in table.names if name not in header]
    twice = sorted({name for name in header if header.count(name) > 1})
    for names, why in ((unknown, "unknown"), (missing, "missing"), (twice, "repeated")):
        if names:
            refuse(
                table.file, 1, None, f"{why} column {', '.join(names)}", f"The columns are {', '.join(table.names)}."
            )
    return [header.index(name) for name in table.names]


def rows(table: Table, content: str) -> list[Any]:
    """Every row of a file, parsed, keys and periods tested.

    Raises:
        RuleFileError: anything that breaks the contract of the file.
    """
    raw = cells(table, content)
    parsed = [parse_row(table, line, row) for line, row in raw]
    check_dated(table, raw)
    return parsed


def parse_row(table: Table, line: int, row: Sequence[str]) -> Any:
    """One row as its class."""
    values: list[Any] = [*row]
    try:
        for place, parser in table.typed:
            values[place] = parser(row[place])
    except BadValueError:
        _refuse_cell(table, line, row)
    try:
        return table.make(*values)
    except BadValueError as error:
        refuse(table.file, line, _key_text(table, row), str(error), "Correct the row.")


def _refuse_cell(table: Table, line: int, row: Sequence[str]) -> NoReturn:
    """Name the first cell that its column does not take."""
    for (name, parser), cell in zip(table.columns, row, strict=True):
        try:
            parser(cell)
        except BadValueError as error:
            refuse(table.file, line, _key_text(table, row), f"column {name}: {error}", "Correct the cell.")
    raise AssertionError(table.file)  # only called for a row with such a cell


def _key_text(table: Table, row: Sequence[str]) -> str:
    """The key of a row for people."""
    return " ".join(f"{name}={row[table.names.index(name)]}" for name in table.key or table.names[:1])


def check_dated(table: Table, raw: Sequence[tuple[int, Sequence[str]]]) -> None:
    """Refuse duplicate keys, overlapping periods, and gaps where the table allows none."""
    places = [table.names.index(name) for name in table.key]
    groups: dict[tuple[str, ...], list[tuple[int, Sequence[str]]]] = {}
    for line, row in raw:
        groups.setdefault(tuple([row[place] for place in places]), []).append((line, row))
    for group in groups.values():
        if len(group) > 1 or table.period is not None:
            _check_group(table, group)


def _check_group(table: Table, group: list[tuple[int, Sequence[str]]]) -> None:
    """Test the rows of one key against each other."""
    if table.period is None:
        line, row = group[1]
        refuse(table.file, line, _key_text(table, row), f"the key stands on row {group[0][0]} too", "Keep one row.")
    start, end = (table.names.index(name) for name in table.period)
    dated = sorted(
        (maybe_day(row[start]) or dt.date.min, maybe_day(row[end]) or dt.date.max, line, row) for line, row in group
    )
    for first, last, line, row in dated:
        if last < first:
            why = f"ends {last} before it starts {first}"
            refuse(table.file, line, _key_text(table, row), why, "Correct the period.")
    for (_, end_before, line_before, _), (first, _, line, row) in itertools.pairwise(dated):
        key = _key_text(table, row)
        if first <= end_before:
            why = f"overlaps the period of row {line_before}"
            refuse(table.file, line, key, why, "End the earlier period the day before.")
        if table.gapless and first != end_before + _ONE_DAY:
            why = f"leaves a gap after row {line_before}, which ends {end_before}"
            refuse(table.file, line, key, why, "Add the missing period.")
