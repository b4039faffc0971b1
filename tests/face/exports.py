"""A good export of two entries, ways to spoil another one, and the comparison that the good ones are unaffected."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from road import es003

GOOD = ("ABC12345676", "XYZ00000015")
BAD = "9AZ76543214"
DAY = dt.date(2026, 5, 4)
AS_OF = ("--as-of", DAY.isoformat())


def entry(number: str, **facts: object) -> list[dict[str, object]]:
    """One ordinary line of free goods under 10 % reciprocal duty, as two rows; facts replace cells of both."""
    common: dict[str, object] = {
        "entry_number": number,
        "line": 1,
        "entry_type": "01",
        "importer_number": "12-345678900",
        "entry_date": "09/08/2025",
        "country_of_origin": "TH",
        "liquidation_status": "Unliquidated",
    }
    charged = {"ordinal": 1, "hts_number": "99030125", "value_dollars": "$0.00", "duty": "$1,000.00"}
    base = {"ordinal": 2, "hts_number": "8517130000", "value_dollars": "$10,000.00", "duty": "FREE"}
    return [{**common, **charged, **facts}, {**common, **base, **facts}]


def good() -> list[dict[str, object]]:
    """The rows of the good entries."""
    return [row for number in GOOD for row in entry(number)]


def of_entries(answer: dict[str, list[dict[str, Any]]], numbers: tuple[str, ...]) -> list[dict[str, Any]]:
    """The rows of these entries in the entries table, and in the changes table without their place in the file."""
    kept = [row for row in answer["entries"] if row["entry_number"] in numbers]
    changed = [
        {name: value for name, value in row.items() if name not in {"source", "source_row"}}
        for row in answer["changes"]
        if row["entry_number"] in numbers
    ]
    return [*kept, *changed]


def good_alone(folder: Path) -> Path:
    """The good rows as an export of their own."""
    return es003.write(good(), folder / "good.csv")
