"""Lists of entries to keep back: what `cape answers` routes, or a column of entry numbers of one's own."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from cape_engine.bridge import Int64s
from cape_engine.claim_portal.declaration import HEADER
from cape_engine.errors import InputError, MappingError
from cape_engine.findings import Findings
from cape_engine.intake.entries import keys_of_texts
from cape_engine.schema.facts import ENTRY_NUMBER
from cape_engine.schema.packing import HOLD

_NO = "N"
_NO_KEY = -1
_SHOWN = 40


def read_holds(paths: Sequence[Path], findings: Findings) -> Int64s:
    """Keys of the entries to keep back, sorted, each once.

    A file is CSV with a heading; of its columns `entry_number` (or `Entry Number`) counts, and `hold`: rows with `N` in
    it are not kept back.

    Args:
        paths: the files.
        findings: grows by rows that hold no entry number.

    Raises:
        InputError: a file cannot be read as text.
        MappingError: it has no column of entry numbers.
    """
    kept: list[Int64s] = []
    for path in paths:
        try:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                rows = list(csv.reader(stream))
        except OSError as error:
            raise InputError(f"{path}: the list cannot be opened: {error.strerror or error}") from error
        except (UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{path}: the list cannot be read as CSV in UTF-8: {error}") from error
        heading = [cell.strip() for cell in rows[0]] if rows else []
        place = next((heading.index(name) for name in (str(ENTRY_NUMBER), HEADER) if name in heading), None)
        if place is None:
            raise MappingError(f"{path}: no column {ENTRY_NUMBER}; its headings are: {', '.join(heading) or 'none'}")
        hold = heading.index(str(HOLD)) if str(HOLD) in heading else None
        wanted = [
            (line, row[place] if len(row) > place else "")
            for line, row in enumerate(rows[1:], 2)
            if row and (hold is None or len(row) <= hold or row[hold].strip().upper() != _NO)
        ]
        keys, _ = keys_of_texts(pa.array([text for _, text in wanted], pa.string()))
        for at in np.flatnonzero(keys == _NO_KEY).tolist():
            line, text = wanted[at]
            findings.add("HOLD_ROW_UNREAD", source=path.name, row=line, column=heading[place], value=text[:_SHOWN])
        kept.append(keys[keys != _NO_KEY])
    return np.unique(np.concatenate(kept)) if kept else np.zeros(0, np.int64)
