"""A user's own table of column 1 rates, read strictly: it counts before the built-in table."""

from __future__ import annotations

import csv
import datetime as dt
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cape_engine.dates import first_day, last_day
from cape_engine.errors import InputError, RuleFileError
from cape_engine.money import MoneyFault, parse_rate
from cape_engine.rules.rate_text import RateParts, parse_rate_text
from cape_engine.rules.rows import LEGAL_DIGITS, Rate

_COLUMNS = (
    "hts_number",
    "valid_from",
    "valid_to",
    "computation_code",
    "specific_rate",
    "specific_unit",
    "ad_valorem_rate",
    "other_rate",
    "other_unit",
    "rate_text",
)
_CODES = frozenset("01234567ABDEFJKX")
_USED: Mapping[str, tuple[str, ...]] = {
    "0": (),
    "1": ("specific_rate",),
    "2": ("specific_rate",),
    "3": ("specific_rate", "other_rate"),
    "4": ("specific_rate", "ad_valorem_rate"),
    "5": ("specific_rate", "ad_valorem_rate"),
    "6": ("specific_rate", "ad_valorem_rate", "other_rate"),
    "7": ("ad_valorem_rate",),
    "A": ("ad_valorem_rate", "other_rate"),
    "B": ("specific_rate", "ad_valorem_rate", "other_rate"),
    "D": ("specific_rate", "ad_valorem_rate"),
    "E": ("specific_rate", "ad_valorem_rate", "other_rate"),
    "F": ("specific_rate", "other_rate"),
    "J": ("specific_rate", "ad_valorem_rate", "other_rate"),
    "K": ("specific_rate", "ad_valorem_rate", "other_rate"),
    "X": (),
}


@dataclass(frozen=True, slots=True)
class Column1Row:
    """One rate of the user's table: either by computation code (`rate`) or as text (`parts`), with its period."""

    number: str
    from_day: int
    to_day: int
    rate: Rate | None
    parts: RateParts | None


@dataclass(frozen=True, slots=True)
class Column1Table:
    """Rates by tariff number (8 or 10 digits); a 10-digit row counts before an 8-digit one."""

    rows: Mapping[str, tuple[Column1Row, ...]]

    def of(self, number: str) -> tuple[Column1Row, ...]:
        """Rows of a number, by all its digits or by its first eight."""
        return self.rows.get(number) or self.rows.get(number[:LEGAL_DIGITS], ())


def load_column1(path: str | Path) -> Column1Table:
    """Read a CSV file of column 1 rates.

    Args:
        path: UTF-8 CSV with a header; columns `hts_number` and either `computation_code` with the rates it uses
            (`specific_rate`, `ad_valorem_rate`, `other_rate` as decimal fractions or dollars, `specific_unit`,
            `other_unit` as ACE codes) or `rate_text`; `valid_from` and `valid_to` (ISO days, inclusive) may be blank.

    Raises:
        InputError: the file cannot be read.
        RuleFileError: a column or a value that the table does not take, or two rows for one number and day.
    """
    file = Path(path)
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            names = list(reader.fieldnames or ())
            unknown = [name for name in names if name not in _COLUMNS]
            if unknown or "hts_number" not in names or len(set(names)) != len(names):
                what = f"unknown columns {unknown}" if unknown else "no column hts_number, or a column twice"
                raise RuleFileError(f"{file}: {what}. Columns are {', '.join(_COLUMNS)}.")
            rows = [_row(file, reader.line_num, cells) for cells in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}: not a readable UTF-8 CSV file: {error}") from error
    table: dict[str, list[Column1Row]] = {}
    for row in rows:
        table.setdefault(row.number, []).append(row)
    for number, found in table.items():
        found.sort(key=lambda row: row.from_day)
        for before, after in itertools.pairwise(found):
            if after.from_day <= before.to_day:
                raise RuleFileError(f"{file}: {number} has two rates on one day. Let the periods follow each other.")
    return Column1Table({number: tuple(found) for number, found in table.items()})


def _row(file: Path, line: int, cells: Mapping[str, str | None]) -> Column1Row:
    """One row, every cell checked."""
    place = f"{file}, row {line}"
    get = {name: (cells.get(name) or "").strip() for name in _COLUMNS}
    number = get["hts_number"].replace(".", "")
    if not (number.isascii() and number.isdigit() and len(number) in {LEGAL_DIGITS, LEGAL_DIGITS + 2}):
        raise RuleFileError(f"{place}: hts_number {get['hts_number']!r} is not 8 or 10 digits.")
    try:
        start, end = (dt.date.fromisoformat(get[name]) if get[name] else None for name in ("valid_from", "valid_to"))
    except ValueError as error:
        raise RuleFileError(f"{place}: {error}. Days are written 2025-08-07.") from error
    if start and end and end < start:
        raise RuleFileError(f"{place}: valid_to lies before valid_from.")
    days = first_day(start), last_day(end)
    code = get["computation_code"].upper()
    if not code:
        parts = parse_rate_text(get["rate_text"])
        if parts is None:
            raise RuleFileError(
                f"{place}: rate_text {get['rate_text']!r} cannot be read. Give computation_code and rates."
            )
        return Column1Row(number, *days, None, parts)
    if code not in _CODES:
        raise RuleFileError(f"{place}: computation_code {code!r} is not one of {', '.join(sorted(_CODES))}.")
    return Column1Row(number, *days, _rate(place, code, get), None)


def _rate(place: str, code: str, cells: Mapping[str, str]) -> Rate:
    """The rate of a row by computation code; the rates it uses must be there, and no others."""
    values = {}
    for name in ("specific_rate", "ad_valorem_rate", "other_rate"):
        if (name in _USED[code]) != bool(cells[name]):
            raise RuleFileError(
                f"{place}: code {code} takes {', '.join(_USED[code]) or 'no rate'}; {name} does not fit."
            )
        parsed = parse_rate(cells[name]) if cells[name] else 0
        if isinstance(parsed, MoneyFault):
            raise RuleFileError(f"{place}: {name} {cells[name]!r} is not a rate like 0.065.")
        values[name] = parsed
    return Rate(
        code,
        values["specific_rate"],
        cells["specific_unit"].upper(),
        values["ad_valorem_rate"],
        values["other_rate"],
        cells["other_unit"].upper(),
        "",
        cells["rate_text"],
        "",
    )
