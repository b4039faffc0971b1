"""Files of decisions: CSV or Parquet, one entry a row; what cannot be read is a finding, the good rows count."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cape_engine.errors import InputError, MappingError
from cape_engine.findings import Findings
from cape_engine.ledger.writing import plain
from cape_engine.schema import review as c
from cape_engine.schema.facts import ENTRY_NUMBER

COLUMNS = tuple(map(str, c.DECISIONS_FILE))
SHOWN = frozenset(map(str, c.QUEUE)) - set(COLUMNS)
"""Columns of `cape review list --out` that a file of decisions may carry along."""
_NEEDED = COLUMNS[:2]
_NUMBER = str(ENTRY_NUMBER)
_BETWEEN = re.compile(r"[\s-]")
_ENTRY = re.compile(r"[0-9A-Z]{11}")
_DIGITS = re.compile(r"[0-9]{1,18}")
_PARQUET = b"PAR1"


@dataclass(frozen=True, slots=True)
class Decision:
    """What an officer decides about an entry.

    Attributes:
        row: line of the file as an editor counts it; 0 where there is no file.
        entry_number: 11 letters and digits.
        act: `release`, `change` or `reject`.
        principal_cents: new principal of a change; of another decision the present one, or None.
        reason: why; blank only for a release.
        officer: who decides.
        source: name of the file, blank where there is none.
    """

    row: int
    entry_number: str
    act: str
    principal_cents: int | None
    reason: str
    officer: str
    source: str = ""


def read_decisions(path: Path, *, officer: str, findings: Findings) -> list[Decision]:
    """The decisions of a file, each entry once.

    Args:
        path: CSV in UTF-8, or Parquet; columns `schema.review.DECISIONS_FILE` in any order, those of a list of the
            queue may stand beside them.
        officer: who decides where the file does not say.
        findings: grows by rows that do not count.

    Raises:
        InputError: the file cannot be opened or read.
        MappingError: a column is unknown, missing or repeated.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: the file cannot be opened: {error.strerror or error}") from error
    return checked(_rows(path, data), officer=officer, findings=findings, source=path.name)


def checked(
    rows: Iterable[tuple[int, Mapping[str, str]]], *, officer: str, findings: Findings, source: str = ""
) -> list[Decision]:
    """Rows as decisions; those that say something impossible become findings.

    Args:
        rows: line and cells by column; a cell that is not there is blank.
        officer: who decides where a row does not say.
        findings: grows by rows that do not count.
        source: name of the file.
    """
    found: dict[str, Decision] = {}
    for line, cells in rows:
        entry = _BETWEEN.sub("", cells.get(_NUMBER, "")).upper()
        at: dict[str, Any] = {"source": source or None, "row": line or None}
        if not _ENTRY.fullmatch(entry):
            findings.add("REVIEW_NO_ENTRY", column=_NUMBER, value=cells.get(_NUMBER, ""), **at)
        elif entry in found:
            findings.add("REVIEW_TWICE", entry=entry, other_row=found[entry].row, **at)
        else:
            words = {name: plain(cells.get(name, "")) for name in COLUMNS}
            wrong = _wrong(words, words[c.OFFICER] or officer)
            if wrong is not None:
                code, column, value = wrong
                findings.add(code, entry=entry, column=column, value=value, **at)
                continue
            amount = words[c.NEW_PRINCIPAL]
            found[entry] = Decision(
                line,
                entry,
                words[c.DECISION].lower(),
                int(amount) if amount else None,
                words["reason"],
                words[c.OFFICER] or officer,
                source,
            )
    return list(found.values())


def _wrong(words: Mapping[str, str], officer: str) -> tuple[str, str, str | None] | None:
    """The first thing that is wrong with a row: kind of finding, column, value."""
    act, amount, reason = words[c.DECISION].lower(), words[c.NEW_PRINCIPAL], words["reason"]
    tests: tuple[tuple[bool, str, str, str | None], ...] = (
        (act not in c.DECISIONS, "REVIEW_DECISION_UNKNOWN", c.DECISION, words[c.DECISION] or "nothing"),
        (bool(amount) and not _DIGITS.fullmatch(amount), "REVIEW_AMOUNT_UNREADABLE", c.NEW_PRINCIPAL, amount),
        (act == c.CHANGE and not amount, "REVIEW_AMOUNT_MISSING", c.NEW_PRINCIPAL, None),
        (act != c.RELEASE and not reason, "REVIEW_REASON_MISSING", "reason", act),
        (not officer, "REVIEW_OFFICER_MISSING", c.OFFICER, None),
    )
    return next(((code, str(column), value) for bad, code, column, value in tests if bad), None)


def _rows(path: Path, data: bytes) -> list[tuple[int, dict[str, str]]]:
    """Line and cells by column of a file."""
    if data[:4] == _PARQUET:
        return _parquet(path, data)
    try:
        text = data.decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not CSV in UTF-8 ({error}); save it as comma-separated UTF-8") from error
    heading = _heading(path, rows[0] if rows else [])
    found = []
    for line, row in enumerate(rows[1:], 2):
        if any(cell.strip() for cell in row):
            found.append((line, dict(zip(heading, row, strict=False))))
    return found


def _parquet(path: Path, data: bytes) -> list[tuple[int, dict[str, str]]]:
    """The rows of a Parquet file, counted from 1."""
    try:
        table = pq.read_table(pa.BufferReader(data))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: the Parquet file cannot be read: {error}") from error
    heading = _heading(path, table.column_names)
    columns = [table.column(name).cast(pa.string()).to_pylist() for name in table.column_names]
    return [
        (number, {name: cell or "" for name, cell in zip(heading, row, strict=True)})
        for number, row in enumerate(zip(*columns, strict=True), 1)
    ]


def _heading(path: Path, names: list[str]) -> list[str]:
    """The columns of a file.

    Raises:
        MappingError: one is unknown, missing or stands twice.
    """
    heading = [name.strip().lower() for name in names]
    strange = [name for name in heading if name not in COLUMNS and name not in SHOWN]
    missing = [name for name in _NEEDED if name not in heading]
    twice = sorted({name for name in heading if heading.count(name) > 1})
    for listed, what in ((strange, "unknown"), (missing, "missing"), (twice, "repeated")):
        if listed:
            raise MappingError(f"{path}: {what} column {', '.join(listed)}; the columns are {', '.join(COLUMNS)}")
    return heading
