"""Where each entry stands: unliquidated, liquidated by CBP or by law, held, without status, or contradictory."""

from __future__ import annotations

import datetime as dt
from enum import IntEnum

import numpy as np
import pyarrow as pa

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Bools, Int8s, Int32s
from cape_engine.dates import date_of, day_number
from cape_engine.findings import Findings
from cape_engine.findings.grouped import add_where
from cape_engine.liquidation import days
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

_READ = {
    Word.UNKNOWN: (Word.UNLIQUIDATED, Word.LIQUIDATED),
    Word.CLOSED: (Word.BLANK, Word.LIQUIDATED),
}
"""What these say without a liquidation date and with one; all others say the same either way."""

Words = tuple[Int32s, list[str]]
"""Codes of a word column and its vocabulary."""


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
    statuses = bridge.codes(entries, f.LIQUIDATION_STATUS)
    dated = given != NO_DAY
    word = _status(statuses, dated, ruleset)

    refused = _strange_words(findings, numbers, word, statuses)
    refused |= _contradictions(findings, numbers, word, given, dated)
    day = given
    original = None
    if settings.text("schedule.reliq_basis") == "original":
        original = days.given(entries, f.ORIGINAL_LIQUIDATION_DATE)
    if original is not None:
        day = bridge.either((original != NO_DAY) & dated, original, given)
    refused |= _impossible_days(findings, numbers, day, entered, day_number(as_of), dated & ~refused)

    warehouse, waiting = _of(entries, f.ENTRY_TYPE, WAREHOUSE_TYPES, WAITING_TYPES)
    held = (word == Word.HOLD) | (waiting & (word == Word.UNLIQUIDATED))
    code_holds = _code_holds(findings, entries, numbers, word, ruleset, statuses, refused)
    if code_holds is not None:
        held |= code_holds
    sound = ~refused
    held &= sound

    ended = days.year_ends(entries)
    deemed = (word == Word.UNLIQUIDATED) & ~held & sound & (ended != NO_DAY) & (ended <= day_number(accepted_on))
    liquidated = bridge.either(deemed, ended, day)
    if refused.any():
        liquidated[refused] = NO_DAY
    return (
        Standing(
            liquidated_day=bridge.readonly(liquidated),
            deemed=deemed,
            held=held,
            # Every hold known today lay outside the scope announced in March 2026, and so did warehouse goods (1.4).
            held_by_plan=held | (warehouse & sound),
            no_status=(word == Word.BLANK) & sound,
            refused=refused,
        ),
        findings,
    )


def _plain(word: str) -> str:
    """A code in capitals without spaces around it."""
    return word.strip().upper()


def _status(statuses: Words, dated: Bools, ruleset: Ruleset) -> Int8s:
    """What the status says, dates taken into account."""
    codes, vocabulary = statuses
    accepted = [ruleset.status_word(str(f.LIQUIDATION_STATUS), word) for word in vocabulary]
    plain = [_WORDS.get(word, Word.STRANGE) for word in accepted]
    pairs = [_READ.get(word, (word, word)) for word in (Word.UNKNOWN, *plain)]  # code -1 takes the first one
    places = np.add(codes, 1, dtype=np.int64)
    places *= 2
    places += dated
    return np.array(pairs, np.int8).reshape(-1).take(places, mode="clip")


def _of(entries: pa.Table, column: Column, *wanted: frozenset[str]) -> list[Bools]:
    """For each set of words whether the word of each entry is in it; an unknown one is not."""
    codes, vocabulary = bridge.codes(entries, column)
    plain = [_plain(word) for word in vocabulary]
    found = []
    for words in wanted:
        chosen = np.array([word in words for word in plain] + [False], np.bool_)
        found.append(chosen[codes] if chosen.any() else np.zeros(len(codes), np.bool_))
    return found


def _strange_words(findings: Findings, numbers: pa.Array, word: Int8s, statuses: Words) -> Bools:
    """Refuse status words that nobody has explained to the engine."""
    strange: Bools = word == Word.STRANGE
    codes, vocabulary = statuses
    add_where(
        findings,
        "LIQUIDATION_STATUS_UNKNOWN",
        numbers,
        strange,
        codes,
        lambda code: {"column": str(f.LIQUIDATION_STATUS), "value": vocabulary[code]},
    )
    return strange


def _contradictions(findings: Findings, numbers: pa.Array, word: Int8s, given: Int32s, dated: Bools) -> Bools:
    """Refuse entries whose status and date cannot both be true."""
    missing: Bools = (word == Word.LIQUIDATED) & ~dated
    against: Bools = ((word == Word.UNLIQUIDATED) | (word == Word.HOLD)) & dated
    _day_findings(findings, "LIQUIDATION_DATE_MISSING", numbers, missing, given)
    _day_findings(findings, "LIQUIDATION_CONTRADICTION", numbers, against, given)
    return missing | against


def _impossible_days(
    findings: Findings, numbers: pa.Array, day: Int32s, entered: Int32s, as_of: int, dated: Bools
) -> Bools:
    """Refuse liquidations after the filing day or before the entry (clarification 35)."""
    after: Bools = dated & (day > as_of)
    before: Bools = dated & ~after & (entered != NO_DAY) & (day < entered)
    _day_findings(findings, "LIQUIDATION_AFTER_FILING", numbers, after, day, as_of=date_of(as_of))
    _day_findings(findings, "LIQUIDATION_BEFORE_ENTRY", numbers, before, day)
    return after | before


def _day_findings(findings: Findings, code: str, numbers: pa.Array, where: Bools, day: Int32s, **more: object) -> None:
    """One finding for each marked entry, with its liquidation date as the value."""
    add_where(
        findings,
        code,
        numbers,
        where,
        day,
        lambda day: {"column": str(f.LIQUIDATION_DATE), "value": None if day == NO_DAY else date_of(day), **more},
    )


def _code_holds(
    findings: Findings,
    entries: pa.Table,
    numbers: pa.Array,
    word: Int8s,
    ruleset: Ruleset,
    statuses: Words,
    refused: Bools,
) -> Bools | None:
    """Holds by extension or suspension code, which holds whatever the status word says (clarification 33).

    None where no entry has a code.
    """
    if bridge.stored(entries, f.EXTENSION_SUSPENSION_CODE) is None:
        return None
    codes, vocabulary = bridge.codes(entries, f.EXTENSION_SUSPENSION_CODE)
    plain = [_plain(code) for code in vocabulary]
    holding = np.array([code in ruleset.hold_codes for code in plain] + [False], np.bool_)
    strange = np.array([bool(code) and code not in ruleset.hold_codes for code in plain] + [False], np.bool_)
    holds: Bools = holding[codes]
    column = str(f.EXTENSION_SUSPENSION_CODE)
    status, status_words = statuses
    against = holds & (word != Word.HOLD) & (status >= 0) & ~refused
    wide = len(status_words) + 1
    add_where(
        findings,
        "HOLD_CONTRADICTION",
        numbers,
        against,
        codes.astype(np.int64) * wide + status,
        lambda at: {"column": column, "value": vocabulary[at // wide], "status": status_words[at % wide]},
    )
    add_where(
        findings,
        "HOLD_CODE_UNKNOWN",
        numbers,
        strange[codes] & ~refused,
        codes,
        lambda code: {"column": column, "value": vocabulary[code]},
    )
    return holds
