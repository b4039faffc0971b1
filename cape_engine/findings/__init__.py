"""Findings: what is wrong or unusual in the data, as rows of a table; the run goes on and nothing is guessed.

The words stand in `catalogue/*.toml`, one file for each part of the engine; a code is declared once:

    [DUPLICATE_ROW]
    severity = "warning"                      # info, warning or error
    message = "row repeats row {other_row}"   # {value}, {column}, {row}, {entry} and own fields
    remedy = "..."
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.errors import RuleFileError
from cape_engine.schema import results as r

SEVERITIES = ("info", "warning", "error")
_KEYS = {"severity", "message", "remedy"}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of finding: its code, severity and words."""

    code: str
    severity: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: where (source, row, column, value, entry), what, and what to do."""

    code: str
    severity: str
    source: str | None
    row: int | None
    column: str | None
    value: str | None
    entry_number: str | None
    message: str
    remedy: str


@cache
def catalogue() -> Mapping[str, Kind]:
    """Every kind of finding, read strictly from the catalogue files.

    Raises:
        RuleFileError: a code stands twice, a key is unknown or missing, or a severity is not one of three.
    """
    kinds: dict[str, Kind] = {}
    folder = resources.files(__name__).joinpath("catalogue")
    for file in sorted(folder.iterdir(), key=lambda item: item.name):
        if not file.name.endswith(".toml"):
            continue
        for code, body in tomllib.loads(file.read_text(encoding="utf-8")).items():
            if set(body) != _KEYS or body["severity"] not in SEVERITIES:
                raise RuleFileError(
                    f"{file.name}: [{code}] needs exactly {sorted(_KEYS)} and a severity of {SEVERITIES}"
                )
            if code in kinds:
                raise RuleFileError(f"{file.name}: [{code}] is declared twice")
            kinds[code] = Kind(code, body["severity"], body["message"], body["remedy"])
    return kinds


class _Lenient(string.Formatter):
    """Formats a message; a field that is not given stays empty rather than failing the run."""

    def get_value(self, key: int | str, args: Sequence[object], kwargs: Mapping[str, object]) -> object:  # noqa: ARG002 - given by Formatter
        value = kwargs.get(str(key))
        return "" if value is None else value


_FORMAT = _Lenient()


@dataclass(slots=True)
class Findings:
    """A growing table of findings; cheap to add to singly or by the thousand."""

    rows: list[Finding] = field(default_factory=list)
    _tables: list[pa.Table] = field(default_factory=list)

    def add(
        self,
        code: str,
        *,
        source: str | None = None,
        row: int | None = None,
        column: str | None = None,
        value: object = None,
        entry: str | None = None,
        **more: object,
    ) -> None:
        """Add one finding; `more` fills further fields of the message.

        Raises:
            KeyError: the code is not in the catalogue (a fault of the program, not of the data).
        """
        kind = catalogue()[code]
        text = None if value is None else str(value)
        fields = {"source": source, "row": row, "column": column, "value": text, "entry": entry, **more}
        message = _FORMAT.vformat(kind.message, (), fields)
        remedy = _FORMAT.vformat(kind.remedy, (), fields)
        self.rows.append(Finding(code, kind.severity, source, row, column, text, entry, message, remedy))

    def add_entries(
        self, code: str, entries: Iterable[str | None], *, column: str | None = None, source: str | None = None
    ) -> None:
        """Add the same finding for many entries; the message may use {entry} only."""
        for entry in entries:
            self.add(code, entry=entry, column=column, source=source)

    def extend(self, other: Findings) -> None:
        """Append all of `other`."""
        self.rows.extend(other.rows)
        self._tables.extend(other._tables)

    def append_table(self, table: pa.Table) -> None:
        """Append rows that already have the shape of the findings table."""
        self._tables.append(table.cast(r.RESULT_FINDINGS_SCHEMA))

    def __len__(self) -> int:
        return len(self.rows) + sum(int(table.num_rows) for table in self._tables)

    def to_table(self) -> pa.Table:
        """All findings as one Arrow table, in an order that depends on their content only."""
        columns = list(
            zip(
                *(
                    (f.code, f.severity, f.source, f.row, f.column, f.value, f.entry_number, f.message, f.remedy)
                    for f in self.rows
                ),
                strict=True,
            )
        )
        if not columns:
            columns = [()] * len(r.RESULT_FINDINGS)
        own = pa.table(
            [
                pa.array(list(values), pa.string() if pa.types.is_dictionary(f.type) else f.type)
                for values, f in zip(columns, r.RESULT_FINDINGS_SCHEMA, strict=True)
            ],
            names=r.RESULT_FINDINGS_SCHEMA.names,
        )
        tables = [own, *(_plain(table) for table in self._tables)]
        whole = pa.concat_tables(tables)
        order = pc.sort_indices(
            whole,
            sort_keys=[
                (str(c), "ascending")
                for c in (r.FINDING_ENTRY, r.CODE, r.FINDING_SOURCE, r.ROW, r.COLUMN, r.VALUE, r.MESSAGE)
            ],
        )
        return whole.take(order).cast(r.RESULT_FINDINGS_SCHEMA)


def _plain(table: pa.Table) -> pa.Table:
    """`table` with its dictionary columns as plain text, so that tables can be joined end to end."""
    return pa.table(
        [column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column for column in table.columns],
        names=table.column_names,
    )
