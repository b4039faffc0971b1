"""Where each entry stands: unliquidated, liquidated by CBP or by law, held, without status, or contradictory."""

from __future__ import annotations

import datetime as dt
from enum import IntEnum

import numpy as np
import pyarrow as pa

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Bools, Int8s, Int32s
from cape_engine.dates import anniversary, date_of, day_number
from cape_engine.findings import Findings
from cape_engine.findings.grouped import add_grouped
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema.codes import Standing
from cape_engine.schema.column import Column
from cape_engine.settings import Settings

WAITING_TYPES = frozenset({"03", "07", "21", "22", "31", "32", "34", "38"})
"""Types that wait while unliquidated: AD/CVD, warehouse entries and withdrawals (clarification 32)."""
WAREHOUSE_TYPES = WAITING_TYPES - {"03", "07"}
"""Warehouse entries and withdrawals: outside the scope of March 2026 whether liquidated or not (clarification 36)."""


class Word(IntEnum):
    """What a liquidation status word says."""

    STRANGE = -1
    BLANK = 0
    UNLIQUIDATED = 1
    LIQUIDATED = 2
    HOLD = 3
    CLOSED = 4
    UNKNOWN = 5


_WORDS: dict[str | None, Word] = {
    "": Word.BLANK,
    "Unliquidated": Word.UNLIQUIDATED,
    "Open": Word.UNLIQUIDATED,
    "Liquidated": Word.LIQUIDATED,
    "Reliquidated": Word.LIQUIDATED,
    "Extended": Word.HOLD,
    "Suspended": Word.HOLD,
    "Under Review": Word.HOLD,
    "Closed": Word.CLOSED,
}
"""What the accepted words of clarification 6 say."""


def standing(
    entries: pa.Table, *, ruleset: Ruleset, settings: Settings, as_of: dt.date, accepted_on: dt.date
) -> tuple[Standing, Findings]:
    """Where each entry stands on the filing day and at acceptance (19 USC 1501, 1504; clarifications 30 to 35).

    Args:
        entries: entries of the store (`schema.rows.STORE_ENTRIES`), n rows.
        ruleset: law in force; its hold codes are read.
        settings: `schedule.reliq_basis` is read.
        as_of: filing day; a liquidation after it is a contradiction.
        accepted_on: day of acceptance; a year of 19 USC 1504(a) that ends by then has liquidated the entry.
    """
    findings = Findings()
    numbers = bridge.single(entries, f.ENTRY_NUMBER)
    given = bridge.days(entries, f.LIQUIDATION_DATE)
    entered = bridge.days(entries, f.ENTRY_DATE)
    word = _status(entries, given, ruleset)

    refused = _strange_words(findings, entries, numbers, word)
    refused |= _contradictions(findings, numbers, word, given)
    day = given
    if settings.text("schedule.reliq_basis") == "original":
        original = bridge.days(entries, f.ORIGINAL_LIQUIDATION_DATE)
        day = np.where((original != NO_DAY) & (given != NO_DAY), original, given).astype(np.int32)
    refused |= _impossible_days(findings, numbers, day, entered, day_number(as_of), refused)

    code_holds = _code_holds(findings, entries, numbers, word, ruleset, refused)
    waits = _of(entries, f.ENTRY_TYPE, WAITING_TYPES) & (word == Word.UNLIQUIDATED)
    held = ((word == Word.HOLD) | code_holds | waits) & ~refused

    ended = year_ends(entries)
    deemed = (word == Word.UNLIQUIDATED) & ~held & ~refused & (ended != NO_DAY) & (ended <= day_number(accepted_on))
    liquidated = np.where(refused, NO_DAY, np.where(deemed, ended, day)).astype(np.int32)
    return (
        Standing(
            liquidated_day=bridge.readonly(liquidated),
            deemed=deemed,
            held=held,
            # Every hold known today lay outside the scope announced in March 2026, and so did warehouse goods (1.4).
            held_by_plan=held | (_of(entries, f.ENTRY_TYPE, WAREHOUSE_TYPES) & ~refused),
            no_status=(word == Word.BLANK) & ~refused,
            refused=refused,
        ),
        findings,
    )


def year_ends(entries: pa.Table) -> Int32s:
    """Anniversary of entry or last withdrawal, on which the law liquidates (19 USC 1504(a)); `NO_DAY` if unknown."""
    entered = bridge.days(entries, f.ENTRY_DATE)
    withdrawn = bridge.days(entries, f.LAST_WITHDRAWAL_DATE)
    return anniversary(np.where(withdrawn != NO_DAY, withdrawn, entered).astype(np.int32))


def _plain(word: str) -> str:
    """A code in capitals without spaces around it."""
    return word.strip().upper()


def _status(entries: pa.Table, given: Int32s, ruleset: Ruleset) -> Int8s:
    """What the status says, dates taken into account."""
    codes, vocabulary = bridge.codes(entries, f.LIQUIDATION_STATUS)
    accepted = [ruleset.status_word(str(f.LIQUIDATION_STATUS), word) for word in vocabulary]
    kinds = np.array([_WORDS.get(word, Word.STRANGE) for word in accepted] + [Word.UNKNOWN], np.int8)
    plain = kinds[codes]  # code -1 takes the last one
    dated = given != NO_DAY
    word = np.where(plain == Word.UNKNOWN, np.where(dated, Word.LIQUIDATED, Word.UNLIQUIDATED), plain)
    word = np.where(plain == Word.CLOSED, np.where(dated, Word.LIQUIDATED, Word.BLANK), word)
    return word.astype(np.int8)


def _of(entries: pa.Table, column: Column, wanted: frozenset[str]) -> Bools:
    """Whether the word of each entry is one of `wanted`; an unknown one is not."""
    codes, vocabulary = bridge.codes(entries, column)
    chosen = np.array([_plain(word) in wanted for word in vocabulary] + [False], np.bool_)
    result: Bools = chosen[codes]
    return result


def _strange_words(findings: Findings, entries: pa.Table, numbers: pa.Array, word: Int8s) -> Bools:
    """Refuse status words that nobody has explained to the engine."""
    strange: Bools = word == Word.STRANGE
    if strange.any():
        codes, vocabulary = bridge.codes(entries, f.LIQUIDATION_STATUS)
        add_grouped(
            findings,
            "LIQUIDATION_STATUS_UNKNOWN",
            numbers.filter(pa.array(strange)),
            codes[strange],
            lambda code: {"column": str(f.LIQUIDATION_STATUS), "value": vocabulary[code]},
        )
    return strange


def _contradictions(findings: Findings, numbers: pa.Array, word: Int8s, given: Int32s) -> Bools:
    """Refuse entries whose status and date cannot both be true."""
    dated = given != NO_DAY
    missing: Bools = (word == Word.LIQUIDATED) & ~dated
    against: Bools = ((word == Word.UNLIQUIDATED) | (word == Word.HOLD)) & dated
    _day_findings(findings, "LIQUIDATION_DATE_MISSING", numbers, missing, given)
    _day_findings(findings, "LIQUIDATION_CONTRADICTION", numbers, against, given)
    return missing | against


def _impossible_days(
    findings: Findings, numbers: pa.Array, day: Int32s, entered: Int32s, as_of: int, refused: Bools
) -> Bools:
    """Refuse liquidations after the filing day or before the entry (clarification 35)."""
    dated = (day != NO_DAY) & ~refused
    after: Bools = dated & (day > as_of)
    before: Bools = dated & ~after & (entered != NO_DAY) & (day < entered)
    _day_findings(findings, "LIQUIDATION_AFTER_FILING", numbers, after, day, as_of=date_of(as_of))
    _day_findings(findings, "LIQUIDATION_BEFORE_ENTRY", numbers, before, day)
    return after | before


def _day_findings(findings: Findings, code: str, numbers: pa.Array, where: Bools, days: Int32s, **more: object) -> None:
    """One finding for each marked entry, with its liquidation date as the value."""
    add_grouped(
        findings,
        code,
        numbers.filter(pa.array(where)),
        days[where],
        lambda day: {"column": str(f.LIQUIDATION_DATE), "value": None if day == NO_DAY else date_of(day), **more},
    )


def _code_holds(
    findings: Findings, entries: pa.Table, numbers: pa.Array, word: Int8s, ruleset: Ruleset, refused: Bools
) -> Bools:
    """Holds by extension or suspension code; a code holds whatever the status word says (clarification 33)."""
    codes, vocabulary = bridge.codes(entries, f.EXTENSION_SUSPENSION_CODE)
    statuses, status_words = bridge.codes(entries, f.LIQUIDATION_STATUS)
    plain = [_plain(code) for code in vocabulary]
    holding = np.array([code in ruleset.hold_codes for code in plain] + [False], np.bool_)
    strange = np.array([bool(code) and code not in ruleset.hold_codes for code in plain] + [False], np.bool_)
    holds: Bools = holding[codes]
    column = str(f.EXTENSION_SUSPENSION_CODE)
    against = holds & (word != Word.HOLD) & (statuses >= 0) & ~refused
    wide = len(status_words) + 1
    pair = codes.astype(np.int64) * wide + statuses
    add_grouped(
        findings,
        "HOLD_CONTRADICTION",
        numbers.filter(pa.array(against)),
        pair[against],
        lambda at: {"column": column, "value": vocabulary[at // wide], "status": status_words[at % wide]},
    )
    unread = strange[codes] & ~refused
    add_grouped(
        findings,
        "HOLD_CODE_UNKNOWN",
        numbers.filter(pa.array(unread)),
        codes[unread],
        lambda code: {"column": column, "value": vocabulary[code]},
    )
    return holds
