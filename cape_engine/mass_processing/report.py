"""Turns the notes that kernels leave on lines, and the flags of entries, into findings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine import bridge
from cape_engine.bridge import Int64s, Partition
from cape_engine.findings import Findings
from cape_engine.findings.grouped import add_grouped
from cape_engine.mass_processing.result import Tallies
from cape_engine.schema import facts as f
from cape_engine.schema import rows as t
from cape_engine.schema.codes import Flag
from cape_kernels import status as s
from cape_kernels import tables as k

_BY_LINE = {
    s.NOTE_SPI_IGNORED: "SPI_NOT_USED",
    s.NOTE_RATE_BASIS: "RATE_ON_SPECIAL_BASIS",
    s.NOTE_LAYOUT: "REPLACEMENT_LAYOUT_UNKNOWN",
    s.NOTE_AVE: "COLUMN1_AT_OR_ABOVE_15",
    s.NOTE_MOVED: "VALUE_MOVED",
    s.NOTE_DOUBLE: "VALUE_DOUBLE",
    s.NOTE_NOT_PLACED: "VALUE_NOT_PLACED",
    s.NOTE_MOVED_UNCOMPUTED: "MOVED_VALUE_NOT_COMPUTED",
    s.NOTE_ABOVE_RATE: "IEEPA_ABOVE_RATE",
    s.NOTE_BUNDLED: "BUNDLED_DUTY",
    s.NOTE_DISPLACED: "DISPLACED_232",
    s.NOTE_GAP: "MODE_GAP",
}
_BY_ENTRY = {
    Flag.NOT_RECOMPUTABLE: "NOT_RECOMPUTABLE",
    Flag.OUTSIDE_OWN_DATES: "IEEPA_OUTSIDE_OWN_DATES",
    Flag.MANY_TARIFFS_ON_LINE: "MANY_TARIFFS_ON_LINE",
    Flag.VERSION_EXHAUSTED: "VERSION_EXHAUSTED",
    Flag.BILL_FLAG: "BILL_NOT_REFUND",
    Flag.MAIL_FEE_496_NO_LONGER_ALLOWED: "MAIL_FEE_496_NO_LONGER_ALLOWED",
    Flag.HMF_DE_MINIMIS_AFTER_REMOVAL: "HMF_DE_MINIMIS_AFTER_REMOVAL",
}
_REASONS: Mapping[int, str] = {
    s.NO_ROW: "the base number has no rate on the rate date",
    s.NO_FORMULA: "the rate of the base number has no formula",
    s.NO_QUANTITY: "a quantity in the unit of the rate is missing",
    s.NO_VALUE: "no goods value stands on the line",
    s.TOO_LARGE: "the duty would be larger than record 50 can hold",
    s.NO_BASE: "no chapter 1-97 number stands on the line",
    s.TWO_BASES: "two chapter 1-97 numbers stand on the line",
}
_STATUS_SHIFT = 32  # line numbers need 17 bits


def _entry_numbers(partition: Partition, chosen: npt.NDArray[np.integer[Any]]) -> pa.Array:
    """Entry numbers of the chosen entries."""
    return bridge.single(partition.entries, f.ENTRY_NUMBER).take(pa.array(chosen))


def line_findings(findings: Findings, partition: Partition, told: k.Told) -> None:
    """One finding for each line and note; those of lines that could not be calculated say why."""
    count = int(told.count[0])
    if count == 0:
        return
    notes, status = told.notes[:count], told.status[:count]
    lines = bridge.integers(partition.lines, t.LINE_NUMBER)[told.line[:count]]
    entries = told.entry[:count]

    def words(line: int) -> Mapping[str, object]:
        return {"column": str(t.LINE_NUMBER), "value": line}

    for note, code in _BY_LINE.items():
        chosen = np.flatnonzero(notes & note)
        add_grouped(findings, code, _entry_numbers(partition, entries[chosen]), lines[chosen], words)
    chosen = np.flatnonzero(notes & s.NOTE_UNABLE)
    both = lines[chosen] + (status[chosen].astype(np.int64) << _STATUS_SHIFT)
    add_grouped(
        findings,
        "COLUMN1_NOT_CALCULABLE",
        _entry_numbers(partition, entries[chosen]),
        both,
        lambda mixed: {**words(mixed & ((1 << _STATUS_SHIFT) - 1)), "reason": _REASONS[mixed >> _STATUS_SHIFT]},
    )


def privileged_findings(findings: Findings, partition: Partition, entries: Int64s, lines: Int64s) -> None:
    """Lines in privileged status without its date: the entry date is used."""
    if len(lines) == 0:
        return
    numbers = _entry_numbers(partition, entries)
    places = bridge.integers(partition.lines, t.LINE_NUMBER)[lines]
    add_grouped(
        findings, "PRIVILEGED_DATE_MISSING", numbers, places, lambda line: {"column": str(t.LINE_NUMBER), "value": line}
    )


def entry_findings(findings: Findings, partition: Partition, flags: npt.NDArray[np.uint32]) -> None:
    """One finding for each entry and flag that a person should know about."""
    for flag, code in _BY_ENTRY.items():
        chosen = np.flatnonzero(flags & np.uint32(flag))
        if len(chosen) == 0:
            continue
        numbers = _entry_numbers(partition, chosen)
        add_grouped(findings, code, numbers, np.zeros(len(chosen), np.int64), lambda _: {})


def unknown_numbers(tallies: Tallies, partition: Partition, vocabulary: list[str], told: k.Told) -> None:
    """Tally the numbers our tables do not know (clarification 25): each once, with count and example."""
    for code in np.flatnonzero(told.unknown[: len(vocabulary)]).tolist():
        name = partition.entries.column(str(f.ENTRY_NUMBER))[int(told.unknown_entry[code])].as_py()
        tallies.add("UNKNOWN_HTS", str(t.HTS_NUMBER), vocabulary[code], int(told.unknown[code]), name)
