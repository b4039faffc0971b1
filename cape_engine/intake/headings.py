"""Headings: which column of a file is which of ours, by exact names only, case and outer blanks aside."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cape_engine.errors import MappingError
from cape_engine.intake.files import Unreadable
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.schema.column import Column

SCANNED_ROWS = 50
"""Rows that are searched for the headings; reports print a few title rows above them."""

_QUANTITY_NAMES = {f"quantity_{slot}": column for slot, column in zip((1, 2, 3), s.QUANTITIES, strict=True)}
_UOM_NAMES = {f"uom_{slot}": column for slot, column in zip((1, 2, 3), s.UOMS, strict=True)}

# What the names of the report table (rules, es003_columns) are in our schema. Names that are not here are known and
# not carried on: company data, officers' teams, and flags that say something else than the fact they resemble (the
# PSC indicator tells that a correction was filed, not that one is pending).
_REPORT_NAMES: Mapping[str, Column] = {
    "entry_number": f.ENTRY_NUMBER,
    "line_number": s.LINE_NUMBER,
    "entry_type": f.ENTRY_TYPE,
    "importer_number": f.IMPORTER_NUMBER,
    "entry_date": f.ENTRY_DATE,
    "entry_summary_date": f.SUMMARY_DATE,
    "import_date": f.IMPORT_DATE,
    "country_of_origin": s.COUNTRY_OF_ORIGIN,
    "country_of_export": s.COUNTRY_OF_EXPORT,
    "tariff_ordinal": s.ORDINAL,
    "hts_number": s.HTS_NUMBER,
    "goods_value": s.VALUE_DOLLARS,
    "duty_amount": s.DUTY,
    "column1_rate_text": s.COLUMN1_RATE_TEXT,
    "recon_flag": f.RECONCILIATION_FLAG,
    "control_status": f.CONTROL_STATUS,
    "liquidation_date": f.LIQUIDATION_DATE,
    "liquidation_status": f.LIQUIDATION_STATUS,
    "protest_status": f.PROTEST_STATUS,
    "spi_code": s.SPI_CODE,
    **_QUANTITY_NAMES,
    **_UOM_NAMES,
}

_MAY_REPEAT = frozenset({"line goods value amount", "line duty amount"})
"""Older headings whose amount may be that of the whole line, printed on every row (es003_columns)."""

_ROWS_NEEDED: tuple[tuple[Column, ...], ...] = (
    (f.ENTRY_NUMBER,),
    (s.LINE_NUMBER,),
    (s.ORDINAL,),
    (s.HTS_NUMBER,),
    (s.VALUE_DOLLARS,),
    (s.DUTY, s.DUTY_CENTS),
)


def folded(name: str) -> str:
    """A heading as it is compared: without outer blanks, spreadsheet guards and case."""
    return name.strip(" \t\r\n\u00a0\ufeff=\"'").casefold()


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """A user's column mapping: exact headings of other exports, and our names for them.

    Attributes:
        path: the file it came from.
        columns: heading as it stands in the export, and our column.
    """

    path: str
    columns: Mapping[str, Column]


def read_mapping(path: Path | str) -> ColumnMapping:
    """A column mapping: TOML with one table `[columns]`, `"Their heading" = "our_name"`.

    Raises:
        MappingError: not readable, an unknown key or name, or one of our names given twice.
    """
    try:
        parsed = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MappingError(f"{path}: not a readable column mapping: {error}") from error
    columns = parsed.get("columns")
    if set(parsed) != {"columns"} or not isinstance(columns, dict) or not columns:
        raise MappingError(
            f'{path}: a column mapping has one table, [columns], with lines like "Their heading" = "our_name"'
        )
    known = {str(column): column for column in s.CANONICAL_ROWS}
    found: dict[str, Column] = {}
    for heading, name in columns.items():
        if not isinstance(name, str) or name not in known:
            raise MappingError(f"{path}: {heading!r} is mapped to {name!r}, which is none of: {', '.join(known)}")
        if known[name] in found.values():
            raise MappingError(f"{path}: two headings are mapped to {name!r}")
        found[heading] = known[name]
    return ColumnMapping(str(path), found)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a file's columns are.

    Attributes:
        header: the heading cells, in order.
        positions: our columns and the place of each in the file.
        repeats: columns whose amount may be that of the whole line (older headings).
        unknown: headings nobody knows.
        kind: es003 or canonical.
        absent: headings of the column mapping that the file lacks.
    """

    header: tuple[str, ...]
    positions: Mapping[Column, int]
    repeats: frozenset[Column]
    unknown: tuple[str, ...]
    kind: str
    absent: tuple[str, ...] = ()

    def heading(self, column: Column) -> str:
        """The file's own word for one of our columns."""
        return self.header[self.positions[column]].strip()


@dataclass(frozen=True, slots=True)
class Headings:
    """The names that one kind of file may use.

    Attributes:
        names: folded heading and our column, or None for a heading that is known and not carried on.
        needed: groups of columns; of each group one has to be there.
        report: folded headings that are those of the ES-003 report.
        mapping: the user's own names, exact.
        preferred: folded headings that win over an alias of the same column.
        printed: the report's present heading of each column.
        own: the kind of a file that has our own names only, such as `importers`, or nothing.
    """

    names: Mapping[str, Column | None]
    needed: tuple[tuple[Column, ...], ...]
    report: Mapping[str, Column | None] = field(default_factory=dict)
    mapping: Mapping[str, Column] = field(default_factory=dict)
    preferred: frozenset[str] = frozenset()
    printed: Mapping[Column, str] = field(default_factory=dict)
    own: str = ""

    def known(self, cells: Sequence[str]) -> int:
        """How many of the cells are names of this kind of file."""
        return sum(cell.strip() in self.mapping or folded(cell) in self.names for cell in cells)

    def complete(self, cells: Sequence[str]) -> bool:
        """Whether the cells name every column that is needed."""
        columns = {self.mapping.get(cell.strip()) or self.names.get(folded(cell)) for cell in cells}
        return all(any(column in columns for column in group) for group in self.needed)

    def layout(self, source: str, cells: Sequence[str], row: int) -> Layout:
        """The layout of a file whose headings are `cells`, in its row `row`.

        Raises:
            Unreadable: a needed column is missing, or one of our columns stands there twice.
        """
        places: dict[Column, list[int]] = {}
        unknown: list[str] = []
        mapped = {self.mapping[cell.strip()] for cell in cells if cell.strip() in self.mapping}
        for place, cell in enumerate(cells):
            exact = self.mapping.get(cell.strip())
            name = folded(cell)
            if exact is not None:
                places.setdefault(exact, []).append(place)
            elif name in self.names:
                column = self.names[name]
                if column is not None and column not in mapped:
                    places.setdefault(column, []).append(place)
            elif name:
                unknown.append(cell.strip())
        if s.DUTY_CENTS in places and s.DUTY in places:
            raise Unreadable(
                "FILE_COLUMN_TWICE", source, row=row, column=str(s.DUTY_CENTS), value=f"{s.DUTY_CENTS}, {s.DUTY}"
            )
        positions = {column: self._one(source, row, column, found, cells) for column, found in places.items()}
        missing = [group for group in self.needed if not any(column in positions for column in group)]
        report = sum(folded(cell) in self.report for cell in cells)
        own = sum(folded(cell) in self.names and folded(cell) not in self.report for cell in cells)
        kind = "es003" if report > own else "canonical"
        if missing:
            lacking = ", ".join(" or ".join(self._word(column, kind) for column in group) for group in missing)
            found_names = ", ".join(cell.strip() for cell in cells if cell.strip())
            raise self.trouble("COLUMN_MISSING", source, row=row, value=lacking, found=found_names)
        repeats = frozenset(column for column, place in positions.items() if folded(cells[place]) in _MAY_REPEAT)
        stripped = {cell.strip() for cell in cells}
        absent = tuple(heading for heading in self.mapping if heading not in stripped)
        return Layout(tuple(cells), positions, repeats, tuple(unknown), kind, absent)

    def trouble(self, what: str, source: str, **fields: object) -> Unreadable:
        """What is wrong with the headings of a file; of a file with our own names only, these are said."""
        if not self.own:
            return Unreadable(f"FILE_{what}", source, **fields)
        known = ", ".join(self.names)
        needed = ", ".join(str(column) for group in self.needed for column in group)
        return Unreadable(f"OWN_FILE_{what}", source, **fields, kind=self.own, known=known, needed=needed)

    def _word(self, column: Column, kind: str) -> str:
        """The name under which a missing column is asked for."""
        return self.printed.get(column, str(column)) if kind == "es003" else str(column)

    def _one(self, source: str, row: int, column: Column, found: list[int], cells: Sequence[str]) -> int:
        """The one place that counts: the report's present heading before its aliases."""
        if len(found) > 1:
            best = [place for place in found if folded(cells[place]) in self.preferred]
            if len(best) != 1:
                words = ", ".join(cells[place].strip() for place in found)
                raise Unreadable("FILE_COLUMN_TWICE", source, row=row, column=str(column), value=words)
            return best[0]
        return found[0]


def _own(columns: Iterable[Column]) -> dict[str, Column | None]:
    """Our own names."""
    return {folded(column): column for column in columns}


def _report(ruleset: Ruleset, allowed: frozenset[Column]) -> tuple[dict[str, Column | None], dict[Column, str]]:
    """Headings of the ES-003 report (None: known, not carried on), and the present heading of each column."""
    names: dict[str, Column | None] = {}
    printed: dict[Column, str] = {}
    for line in ruleset.es003_columns:
        column = _REPORT_NAMES.get(line.canonical)
        column = column if column in allowed else None
        names[folded(line.source_column)] = column
        if column is not None and line.need != "alias":
            printed.setdefault(column, line.source_column)
    return names, printed


def row_headings(ruleset: Ruleset, mapping: ColumnMapping | None = None) -> Headings:
    """Names of tariff rows: ES-003, our own, and those of a column mapping."""
    report, printed = _report(ruleset, frozenset(s.CANONICAL_ROWS))
    preferred = frozenset(folded(heading) for heading in printed.values())
    return Headings(
        {**report, **_own(s.CANONICAL_ROWS)},
        _ROWS_NEEDED,
        report,
        {} if mapping is None else mapping.columns,
        preferred,
        printed,
    )


def header_headings(ruleset: Ruleset) -> Headings:
    """Names of the header file: our own, and the entry-level ones of ES-003."""
    report, printed = _report(ruleset, frozenset(f.HEADER_FILE))
    return Headings({**report, **_own(f.HEADER_FILE)}, ((f.ENTRY_NUMBER,),), report, {}, frozenset(), printed)


def importer_headings() -> Headings:
    """Names of the importers file."""
    return Headings(_own(f.IMPORTERS_FILE), ((f.IMPORTER_NUMBER,),), own="importers")


def deposit_headings() -> Headings:
    """Names of the deposits file."""
    return Headings(_own(f.DEPOSITS_FILE), tuple((column,) for column in f.DEPOSITS_FILE), own="deposits")


def find_header(source: str, rows: Sequence[Sequence[str]], headings: Headings) -> tuple[int, Layout]:
    """(index of the heading row, layout) among the first rows of a file.

    The first row that names every needed column; else the one with most known names is asked for the missing ones.

    Raises:
        Unreadable: no row looks like headings, a needed column is missing or stands there twice.
    """
    for index, cells in enumerate(rows):
        if headings.complete(cells):
            return index, headings.layout(source, cells, index + 1)
    best = max(range(len(rows)), key=lambda index: (headings.known(rows[index]), -index), default=None)
    if best is None or headings.known(rows[best]) == 0:
        first = next((row for row in rows if any(cell.strip() for cell in row)), ())
        words = ", ".join(cell.strip() for cell in first if cell.strip())[:200]
        raise headings.trouble("NO_HEADER", source, value=str(SCANNED_ROWS), found=words)
    return best, headings.layout(source, rows[best], best + 1)
