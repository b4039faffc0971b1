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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine.errors import RuleFileError
from cape_engine.findings import columns
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


@cache
def _pieces(template: str) -> tuple[tuple[str, str | None], ...]:
    """A message of the catalogue as literal text and the field behind it, in turn."""
    return tuple((literal, name) for literal, name, _spec, _conversion in string.Formatter().parse(template))


def filled(template: str, fields: Mapping[str, object]) -> str:
    """A message of the catalogue with its fields; one that is not given stays empty rather than failing the run."""
    made = []
    for literal, name in _pieces(template):
        value = None if name is None else fields.get(name)
        made.append(literal if value is None else f"{literal}{value}")
    return "".join(made)


def finding(
    code: str,
    *,
    source: str | None = None,
    row: int | None = None,
    column: str | None = None,
    value: object = None,
    entry: str | None = None,
    **more: object,
) -> Finding:
    """One finding with its words; `more` fills further fields of the message.

    Raises:
        KeyError: the code is not in the catalogue (a fault of the program, not of the data).
    """
    kind = catalogue()[code]
    text = None if value is None else str(value)
    fields = {"source": source, "row": row, "column": column, "value": text, "entry": entry, **more}
    message, remedy = filled(kind.message, fields), filled(kind.remedy, fields)
    return Finding(code, kind.severity, source, row, column, text, entry, message, remedy)


@dataclass(frozen=True, slots=True)
class Batch:
    """Findings of many entries that share their words.

    Attributes:
        made: the findings without their entries.
        group: int32, for each row its place in `made`.
        entries: entry number of each row.
    """

    made: tuple[Finding, ...]
    group: npt.NDArray[np.int32]
    entries: pa.Array


@dataclass(slots=True)
class Findings:
    """A growing table of findings; cheap to add to singly or by the thousand."""

    rows: list[Finding] = field(default_factory=list)
    _batches: list[Batch] = field(default_factory=list)
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
        self.rows.append(finding(code, source=source, row=row, column=column, value=value, entry=entry, **more))

    def add_entries(
        self, code: str, entries: Iterable[str | None], *, column: str | None = None, source: str | None = None
    ) -> None:
        """Add the same finding for many entries; the message may use {entry} only."""
        for entry in entries:
            self.add(code, entry=entry, column=column, source=source)

    def add_batch(self, batch: Batch) -> None:
        """Add findings of many entries that share their words."""
        self._batches.append(batch)

    def extend(self, other: Findings) -> None:
        """Append all of `other`."""
        self.rows.extend(other.rows)
        self._batches.extend(other._batches)
        self._tables.extend(other._tables)

    def append_table(self, table: pa.Table) -> None:
        """Append rows that already have the shape of the findings table, with texts spelt out or as words."""
        words = table.schema.equals(columns.WORDS_SCHEMA)
        self._tables.append(table if words else table.cast(r.RESULT_FINDINGS_SCHEMA))

    def __len__(self) -> int:
        batches = sum(len(batch.group) for batch in self._batches)
        return len(self.rows) + batches + sum(int(table.num_rows) for table in self._tables)

    def to_table(self, *, words: bool = False) -> pa.Table:
        """All findings as one Arrow table, in an order that depends on their content only.

        Args:
            words: leave every text but the entry number as a word into a dictionary (`columns.WORDS_SCHEMA`), which
                a file of the promised schema takes as it is, and `append_table` takes back; spelt out for each row,
                messages are nearly all of the table.
        """
        whole = self._together()
        return whole if words else whole.cast(r.RESULT_FINDINGS_SCHEMA)

    def _together(self) -> pa.Table:
        """Single ones, batches and tables as one table of words, in order."""
        made = list(self.rows)
        groups = [np.arange(len(made), dtype=np.int32)]
        entries = [pa.array([one.entry_number for one in made], pa.string())]
        for batch in self._batches:
            groups.append(batch.group + np.int32(len(made)))
            entries.append(batch.entries)
            made += batch.made
        group, numbers = np.concatenate(groups), pa.concat_arrays(entries)
        tables = [table for table in self._tables if table.num_rows]
        if not tables:
            return columns.ordered_words(made, group, numbers)
        own = columns.words_table(made, group, numbers)
        own = pa.concat_tables([own, *(columns.as_words(table) for table in tables)]).unify_dictionaries()
        return columns.ordered(own.combine_chunks())
