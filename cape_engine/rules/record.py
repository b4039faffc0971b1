"""Rows of the rule files as plain text for people and machines: every field by its name, the source beside it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from cape_engine.money import cents_text, rate_text
from cape_engine.rules.rows import Rate

_APART = frozenset({"effective_from", "effective_to", "source", "confidence"})


@dataclass(frozen=True, slots=True)
class Record:
    """One row that answers a question.

    Attributes:
        file: the rule file it stands in.
        key: what it is about.
        effective_from: first day, ISO; blank for open or undated.
        effective_to: last day, ISO; blank for open or undated.
        fields: every other field as text, rates as decimal fractions.
        source: where the values come from.
        confidence: grade of the source.
    """

    file: str
    key: str
    effective_from: str
    effective_to: str
    fields: dict[str, str]
    source: str
    confidence: str

    def as_dict(self) -> dict[str, str]:
        """The record as one flat mapping, for JSON lines."""
        return {
            "file": self.file,
            "key": self.key,
            "effective_from": self.effective_from,
            "effective_to": self.effective_to,
            **self.fields,
            "source": self.source,
            "confidence": self.confidence,
        }


def record(file: str, key: str, row: Any) -> Record:
    """A row of any table as a record."""
    fields = row_fields(row)
    return Record(
        file,
        key,
        value_text("", getattr(row, "effective_from", None)),
        value_text("", getattr(row, "effective_to", None)),
        {name: text for name, text in fields.items() if name not in _APART},
        fields.get("source", ""),
        fields.get("confidence", ""),
    )


def row_fields(row: Any, prefix: str = "") -> dict[str, str]:
    """Every field of a row as text; the parts of a rate are named `general.ad_valorem` and the like."""
    found: dict[str, str] = {}
    for field in dataclasses.fields(row):
        value = getattr(row, field.name)
        if isinstance(value, Rate):
            found.update(row_fields(value, f"{field.name}."))
        else:
            name = field.name.removesuffix("_e9").removesuffix("_cents")
            found[prefix + name] = value_text(field.name, value)
    return found


def value_text(name: str, value: object) -> str:
    """One value as text; the unit is in the name of its field."""
    if isinstance(value, bool):
        return "Y" if value else "N"
    if isinstance(value, tuple):
        return ";".join(str(item) for item in value)
    if isinstance(value, int) and name.endswith(("_e9", "_cents")):
        return rate_text(value) if name.endswith("_e9") else cents_text(value)
    return "" if value is None else str(value)  # a date prints as ISO
