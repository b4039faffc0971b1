"""Entries as exports have them, in the shapes that the readable cases name, and declarations that list them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cape_engine.claim_portal.declaration import check_digit
from road import es003

IMPORTER = "12-345678900"
IEEPA = {"hts_number": "99030125", "value_dollars": "$0.00", "duty": "$1,000.00"}
BASE = {"hts_number": "8517130000", "value_dollars": "$10,000.00", "duty": "FREE"}
REPLACING = {"hts_number": "99030220", "value_dollars": "$0.00", "duty": "$1,500.00"}
HANDBAG = {"hts_number": "4202321000", "value_dollars": "$10,000.00", "duty": "$0.00"}
WEIGHED = {"quantity_1": "1200.00", "uom_1": "NO", "quantity_2": "250.50", "uom_2": "KG"}

SHAPES: Mapping[str, Sequence[Mapping[str, object]]] = {
    "ordinary": (IEEPA, BASE),
    "base_first": (BASE, IEEPA),
    "value_on_ieepa": ({**IEEPA, "value_dollars": "$10,000.00"}, {**BASE, "value_dollars": "$0.00"}),
    "value_on_both": ({**IEEPA, "value_dollars": "$10,000.00"}, BASE),
    "no_value": (IEEPA, {**BASE, "value_dollars": "$0.00"}),
    "ieepa_alone": (IEEPA,),
    "never_existed": (IEEPA, {**IEEPA, "hts_number": "99030135", "duty": "$0.00"}, BASE),
    "exempt_only": ({**IEEPA, "hts_number": "99030132", "duty": "$0.00"}, BASE),
    "section_122": ({**IEEPA, "hts_number": "99030301", "duty": "$1,000.00"}, BASE),
    "replaced_with_weight": (REPLACING, {**HANDBAG, **WEIGHED}),
    "replaced_without_weight": (REPLACING, HANDBAG),
}
"""The numbers of the one line of an entry, in their order."""


def number(serial: int, filer: str = "ABC") -> str:
    """An entry number with its check digit."""
    first = f"{filer}{serial:07d}"
    return f"{first}{check_digit(first)}"


def rows(entry: str, goods: str = "ordinary", importer: str = IMPORTER) -> list[dict[str, Any]]:
    """The rows of one entry."""
    common = {
        "entry_number": entry,
        "line": 1,
        "importer_number": importer,
        "entry_date": "09/08/2025",
        "country_of_origin": "TH",
    }
    return [{**common, "ordinal": place, **row} for place, row in enumerate(SHAPES[goods], 1)]


def export(path: Path, entries: Mapping[str, Mapping[str, Any]]) -> Path:
    """An export of some entries: for each number its `goods` and `importer`, if they are not ordinary."""
    return es003.write([row for entry, facts in entries.items() for row in rows(entry, **facts)], path)


def declaration(path: Path, numbers: Sequence[str]) -> Path:
    """CBP's template as Excel saves it."""
    path.write_bytes("\r\n".join(["Entry Number", *numbers, ""]).encode())
    return path
