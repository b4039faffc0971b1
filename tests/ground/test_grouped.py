"""Findings by the thousand: words once for each value, every entry kept."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from cape_engine.findings import Findings
from cape_engine.findings.grouped import add_grouped


def test_add_grouped__equals_one_by_one() -> None:
    """A grouped finding is, row for row, what adding each entry by itself gives."""
    numbers, values = ["ABC12345676", "XYZ00000015", "9AZ76543214"], [7, 3, 7]
    grouped, single = Findings(), Findings()
    add_grouped(
        grouped,
        "HOLD_CODE_UNKNOWN",
        pa.array(numbers),
        np.array(values),
        lambda value: {"column": "a column", "value": value},
    )
    for number, value in zip(numbers, values, strict=True):
        single.add("HOLD_CODE_UNKNOWN", entry=number, column="a column", value=value)
    assert grouped.to_table().equals(single.to_table())
    assert len(grouped) == 3


def test_add_grouped__nothing() -> None:
    """No entries, no rows, and the words are never asked for."""

    def never(_: int) -> dict[str, object]:
        raise AssertionError

    findings = Findings()
    add_grouped(findings, "HOLD_CODE_UNKNOWN", pa.array([], pa.string()), np.array([], np.int64), never)
    assert len(findings) == 0
