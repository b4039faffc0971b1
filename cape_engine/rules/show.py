"""Answers questions about the law: what is known about a number or rule, and what changed between two days."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cape_engine.errors import UsageError
from cape_engine.rules import Ruleset, tables
from cape_engine.rules.record import Record, record, row_fields
from cape_engine.rules.rows import LEGAL_DIGITS
from cape_engine.settings import catalogue

_STATISTICAL_DIGITS = 10
_SILENT = frozenset(
    {"effective_from", "effective_to", "source", "confidence", "note", "period_basis", "quarter_start", "quarter_end"}
)
"""Fields whose change is no change of law."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs between two days; a blank `column` means that the whole row begins or ends.

    Attributes:
        file: the rule file.
        key: what it is about.
        column: the field, blank for the whole row.
        before: value on the first day; None when there was no row.
        after: value on the second day; None when there is no row.
        source: where the later value comes from, else the earlier.
    """

    file: str
    key: str
    column: str
    before: str | None
    after: str | None
    source: str

    def as_dict(self) -> dict[str, str | None]:
        """The difference as one flat mapping, for JSON lines."""
        return {name: getattr(self, name) for name in ("file", "key", "column", "before", "after", "source")}


def show(ruleset: Ruleset, key: str, on: dt.date | None = None) -> list[Record]:
    """Everything the rules hold about a tariff number, eligibility or review rule, entry type, programme or setting.

    Args:
        ruleset: the rules in force.
        key: an HTS number of 8 or 10 digits (dots allowed), a rule id or reason code, a review rule, a two-digit
            entry type, a special programme indicator, or the dotted name of a setting.
        on: only rows in force on that day; without it all rows.

    Raises:
        UsageError: nothing is known under that key (the nearest keys are named).
    """
    word = key.strip()
    digits = word.replace(".", "").replace(" ", "")
    if digits.isascii() and digits.isdigit() and len(digits) in {LEGAL_DIGITS, _STATISTICAL_DIGITS}:
        found = list(_number(ruleset, digits[:LEGAL_DIGITS]))
    else:
        found = list(_word(ruleset, word))
    if not found:
        raise UsageError(_unknown(ruleset, word))
    return [item for item, row in found if on is None or not hasattr(row, "applies") or row.applies(on)]


def _number(ruleset: Ruleset, number: str) -> Iterator[tuple[Record, Any]]:
    """Every row about a tariff number."""
    groups: tuple[tuple[str, Iterable[Any]], ...] = (
        (tables.IEEPA.file, ruleset.ieepa(number)),
        (tables.OTHER.file, ruleset.other(number)),
        (tables.BASE.file, ruleset.base(number)),
        (tables.SPECIAL.file, ruleset.special_rates(number)),
        (tables.BORDERLINE.file, (row for row in ruleset.borderline if row.hts_number == number)),
        (tables.BLOCKS.file, (row for row in ruleset.blocks if number.startswith(row.prefix))),
    )
    for file, rows in groups:
        for row in rows:
            found = record(file, f"{number} {row.spi}" if file == tables.SPECIAL.file else number, row)
            if file == tables.BLOCKS.file and ruleset.never_existed(number):
                found.fields["never_existed"] = "Y"
            yield found, row


def _word(ruleset: Ruleset, word: str) -> Iterator[tuple[Record, Any]]:
    """Every row about a rule, an entry type, a programme or a setting."""
    lower = word.lower()
    for rule in ruleset.eligibility:
        if rule.rule_id == lower:
            yield record(tables.ELIGIBILITY.file, rule.rule_id, rule), rule
    for review in ruleset.review_rules:
        if review.rule == lower:
            yield record(tables.REVIEW.file, review.rule, review), review
    for row in ruleset.all_entry_types:
        if row.code == word:
            yield record(tables.ENTRY_TYPES.file, row.code, row), row
    spi = ruleset.spi(word.upper())
    if spi is not None:
        yield record(tables.SPI.file, spi.spi, spi), spi
    setting = catalogue().get(lower)
    if setting is not None:
        fields = row_fields(setting)
        source = fields.pop("source")
        yield Record("settings.toml", setting.name, "", "", fields, source, ""), setting


def _unknown(ruleset: Ruleset, word: str) -> str:
    """What to say about a key that nobody knows."""
    rules = [*(rule.rule_id for rule in ruleset.eligibility), *(rule.rule for rule in ruleset.review_rules)]
    known = [*rules, *catalogue()]
    near = difflib.get_close_matches(word.lower(), known, n=3)
    hint = f" Near: {', '.join(near)}." if near else ""
    return (
        f"no rule file knows {word!r}.{hint} Give an HTS number of 8 or 10 digits, a rule id such as "
        "final_liquidation, an entry type such as 21, a programme such as KR, or a setting such as mass.mode."
    )


_SUMMARY = (
    "kind", "rate", "rate_rule", "family", "outcome", "cape_status", "message", "general.code", "rate.text", "chapters",
    "name", "days_unliquidated", "run_days", "corporate_rate", "noncorporate_rate",
)  # fmt: skip
"""Fields that say in a few words what a row is about."""

_DATED: tuple[tuple[str, tuple[str, ...]], ...] = (
    (tables.IEEPA.file, ("hts_number",)),
    (tables.OTHER.file, ("hts_number",)),
    (tables.BASE.file, ("hts8",)),
    (tables.SPECIAL.file, ("hts8", "spi")),
    (tables.ELIGIBILITY.file, ("rule_id",)),
    (tables.ENTRY_TYPES.file, ("code",)),
    (tables.POLICIES.file, ("phase",)),
    (tables.FEE_LIMITS.file, ()),
    (tables.DISPLACED.file, ("program",)),
    (tables.COLUMN2.file, ("country",)),
)


def diff(ruleset: Ruleset, first: dt.date, second: dt.date) -> list[Difference]:
    """Everything in the law that differs between two days, in the order of the files.

    Args:
        ruleset: the rules in force.
        first: the day of the values `before`.
        second: the day of the values `after`.
    """
    found: list[Difference] = []
    for file, key in _DATED:
        before = {_key(row, key): row for row in ruleset.table(file) if row.applies(first)}
        after = {_key(row, key): row for row in ruleset.table(file) if row.applies(second)}
        for name in dict.fromkeys((*before, *after)):
            found.extend(_compare(file, name, before.get(name), after.get(name)))
    quarters = [
        next((quarter for quarter in ruleset.interest if quarter.quarter_start <= day <= quarter.quarter_end), None)
        for day in (first, second)
    ]
    found.extend(_compare(tables.INTEREST.file, "rates", quarters[0], quarters[1]))
    for spi in ruleset.table(tables.SPI.file):
        before_after = [_status(spi.in_force(day)) for day in (first, second)]
        if before_after[0] != before_after[1]:
            found.append(Difference(tables.SPI.file, spi.spi, "status", before_after[0], before_after[1], spi.source))
    return found


def _status(in_force: bool) -> str:  # noqa: FBT001 - one word for one truth
    """A programme's state as a word."""
    return "in force" if in_force else "not in force"


def _key(row: Any, columns: tuple[str, ...]) -> str:
    """The key of a row as text; a file that is one sequence of periods has a single key."""
    return " ".join(str(getattr(row, column)) for column in columns) or "limits"


def _compare(file: str, key: str, before: Any, after: Any) -> Iterator[Difference]:
    """The fields in which two rows of one key differ."""
    if before is after:
        return
    if before is None or after is None:
        row = after if before is None else before
        text = _summary(row)
        yield Difference(file, key, "", None if before is None else text, None if after is None else text, row.source)
        return
    old, new = row_fields(before), row_fields(after)
    for column, value in old.items():
        if column not in _SILENT and value != new[column]:
            yield Difference(file, key, column, value, new[column], after.source)


def _summary(row: Any) -> str:
    """A row in a few words."""
    fields = row_fields(row)
    return ", ".join(f"{name} {fields[name]}" for name in _SUMMARY if fields.get(name)) or "in force"
