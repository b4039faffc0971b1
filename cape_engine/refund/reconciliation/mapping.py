"""Which heading of a report is which of our columns: said by the user for every heading, never guessed."""

from __future__ import annotations

import csv
import io
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import pyarrow as pa
import pyarrow.parquet as pq

from cape_engine.errors import InputError, MappingError
from cape_engine.intake import files
from cape_engine.intake.headings import SCANNED_ROWS, Headings, folded
from cape_engine.refund.reconciliation.cells import as_read
from cape_engine.rules import Ruleset
from cape_engine.schema import reconciliation as c
from cape_engine.schema.column import Column
from cape_engine.settings import Settings

Mapped = Mapping[str, Column]
"""Heading as it stands in the report, and our column; `IGNORED` for one that is not used."""

_SETTINGS = {
    "es022": "reports.columns.es022",
    "rev603": "reports.columns.rev603",
    "rev613": "reports.columns.rev613",
    "rev615": "reports.columns.rev615",
    "es701": "reports.columns.es701",
    "bank": "reports.columns.bank",
}
_CLAIM_DETAILS = "claim_details"
_ENCODING = "utf-8-sig"
_SHOWN = 60


def mappings(file: Path | None, settings: Settings, ruleset: Ruleset) -> dict[str, Mapped]:
    """The mapping of every kind of report, from a TOML file, then from the settings; Claim Details has known headings.

    Args:
        file: TOML with one table for each report, `"Their heading" = "our_name"`.
        settings: `reports.columns.*`, lists of `our_name=Their heading`.
        ruleset: the headings of Claim Details.

    Raises:
        MappingError: unreadable, an unknown report or name, or one of our names given twice.
    """
    details = c.REPORTS[_CLAIM_DETAILS]
    known = [row for row in ruleset.claim_report_columns if row.report == details.title]
    found: dict[str, Mapped] = {
        _CLAIM_DETAILS: {row.source_column: _ours(_CLAIM_DETAILS, row.canonical, "rules") for row in known}
    }
    if file is not None:
        found |= _of_file(file)
    for report, setting in _SETTINGS.items():
        words = settings.words(setting)
        if words:
            found[report] = _checked(report, _pairs(setting, words), setting)
    return found


def _of_file(file: Path) -> dict[str, Mapped]:
    """The mappings of a TOML file."""
    try:
        parsed = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MappingError(f"{file}: not a readable column mapping: {error}") from error
    found = {}
    for report, lines in parsed.items():
        if report not in _SETTINGS or not isinstance(lines, dict):
            raise MappingError(f"{file}: [{report}] is no report; known: {', '.join(_SETTINGS)}")
        if not all(isinstance(name, str) for name in lines.values()):
            raise MappingError(f'{file}: [{report}] takes lines like "Their heading" = "our_name"')
        found[report] = _checked(report, list(lines.items()), str(file))
    return found


def _pairs(setting: str, words: Sequence[str]) -> list[tuple[str, str]]:
    """(heading, our name) of a setting."""
    pairs = []
    for word in words:
        name, equals, heading = (part.strip() for part in word.partition("="))
        if not equals or not heading:
            raise MappingError(f"{setting}: {word!r} is not NAME=HEADING")
        pairs.append((heading, name))
    return pairs


def _checked(report: str, pairs: Iterable[tuple[str, str]], where: str) -> Mapped:
    """Headings and columns of one report, each column at most once."""
    found: dict[str, Column] = {}
    for heading, name in pairs:
        if not name:
            raise MappingError(
                f"{where}: {heading!r} of {c.REPORTS[report].title} is mapped to nothing yet; write one of: "
                f"{_names(report)}"
            )
        column = _ours(report, name, where)
        if column != c.IGNORED and column in found.values():
            raise MappingError(f"{where}: two headings of {c.REPORTS[report].title} are mapped to {name!r}")
        found[" ".join(heading.split())] = column
    lacking = [group for group in c.REPORTS[report].needed if not any(column in found.values() for column in group)]
    if lacking:
        words = ", ".join(" or ".join(group) for group in lacking)
        raise MappingError(f"{where}: {c.REPORTS[report].title} needs a heading for {words}")
    return found


def _ours(report: str, name: str, where: str) -> Column:
    """Our column of that name."""
    for column in (*c.REPORTS[report].columns, c.IGNORED):
        if str(column) == name:
            return column
    raise MappingError(f"{where}: {name!r} is no column of {c.REPORTS[report].title}; known: {_names(report)}")


def _names(report: str) -> str:
    """What a heading of a report may be mapped to."""
    return ", ".join((*c.REPORTS[report].columns, c.IGNORED))


def headings_of(report: str, path: Path, mapped: Mapped | None) -> Headings:
    """The headings that the reader looks for; every heading of the file must be mapped.

    Args:
        report: kind of the file.
        path: the file.
        mapped: its mapping, if there is one.

    Raises:
        MappingError: no mapping, a heading that is not mapped, or a mapped one that the file lacks; all headings are
            listed, with a TOML that can be filled in.
        InputError: it cannot be read.
    """
    rows = first_rows(path)
    wanted = {} if mapped is None else {folded(heading): column for heading, column in mapped.items()}
    heading = _heading_row(rows, wanted)
    if mapped is None:
        _refuse(report, path, heading, {}, "no mapping of its headings is given")
    there = [folded(cell) for cell in heading]
    strange = [cell for cell in heading if folded(cell) and folded(cell) not in wanted]
    gone = [name for name in mapped if folded(name) not in there]
    if strange:
        _refuse(report, path, heading, wanted, f"heading {strange[0]!r} is not mapped")
    if gone:
        _refuse(report, path, heading, wanted, f"mapped heading {gone[0]!r} is not there")
    twice = [cell for cell in heading if folded(cell) and there.count(folded(cell)) > 1]
    if twice:
        _refuse(report, path, heading, wanted, f"heading {twice[0]!r} stands there twice")
    names: dict[str, Column | None] = {
        name: None if column == c.IGNORED else as_read(column) for name, column in wanted.items()
    }
    used = tuple((column,) for column in wanted.values() if column != c.IGNORED)
    return Headings(names, used)


def _heading_row(rows: Sequence[Sequence[str]], wanted: Mapping[str, Column]) -> list[str]:
    """The row of headings: the one with most mapped names, else the first of the fullest rows of words."""
    best, score = 0, (-1, -1)
    for place, cells in enumerate(rows):
        words = [cell for cell in cells if cell.strip()]
        plain = sum(not any(letter.isdigit() for letter in cell) or len(cell.split()) > 1 for cell in words)
        found = (sum(folded(cell) in wanted for cell in words), len(words) if plain * 2 >= len(words) else 0)
        if found > score:
            best, score = place, found
    return [" ".join(cell.split()) for cell in rows[best]] if rows else []


def _refuse(report: str, path: Path, heading: Sequence[str], wanted: Mapping[str, Column], why: str) -> NoReturn:
    """Stop with all headings and a mapping to fill in."""
    shown = [cell for cell in heading if cell]
    title = c.REPORTS[report].title
    lines = [f'{json.dumps(cell, ensure_ascii=False)} = "{wanted.get(folded(cell), "")}"' for cell in shown]
    raise MappingError(
        f"{path}: {why}; money columns are never matched by likeness.\n"
        f"Headings of this {title}: {', '.join(cell[:_SHOWN] for cell in shown) or 'none found'}\n"
        f"Save this as TOML, write one of our names behind each heading, and give it with --columns:\n\n"
        + "\n".join([f"[{report}]", f"# names: {_names(report)}", *lines])
    )


def first_rows(path: Path) -> list[list[str]]:
    """The cells of the first rows of a file of any kind.

    Raises:
        InputError: it cannot be read.
    """
    try:
        kind = files.kind_of(path)
        if kind == files.PARQUET:
            return [list(pq.read_schema(path).names)]
        return _sheet_rows(path) if kind == files.XLSX else _text_rows(path)
    except files.Unreadable as trouble:
        raise InputError(trouble.sentence()) from trouble
    except (OSError, pa.ArrowException) as trouble:
        raise InputError(f"{path}: cannot be read ({str(trouble).splitlines()[0]}); save it anew") from trouble


def _text_rows(path: Path) -> list[list[str]]:
    """The first rows of a delimited text, by the delimiter that gives most cells."""
    with path.open("rb") as stream:
        head = stream.read(1 << 16)
    text = head.decode("utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else _ENCODING, "replace")
    lines = "\n".join(text.splitlines()[:SCANNED_ROWS])
    tables = [list(csv.reader(io.StringIO(lines, newline=""), delimiter=mark)) for mark in ",;\t|"]
    return max(tables, key=lambda rows: max((len(row) for row in rows), default=0))


def _sheet_rows(path: Path) -> list[list[str]]:
    """The first rows of a workbook, of the sheet that the reader takes."""
    import fastexcel  # noqa: PLC0415 - only where there is a workbook

    from cape_engine.intake.xlsx_file import sheet_name  # noqa: PLC0415 - as above

    book = fastexcel.read_excel(path)
    sheet = book.load_sheet(
        sheet_name(book.sheet_names), header_row=None, skip_rows=0, n_rows=SCANNED_ROWS, dtypes="string"
    )
    columns = [column.to_pylist() for column in sheet.to_arrow().columns]
    return [["" if cell is None else str(cell) for cell in row] for row in zip(*columns, strict=True)]
