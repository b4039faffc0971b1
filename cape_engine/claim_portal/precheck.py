"""The pre-check of packing: what a rule fails, and what is not known counts as failed; each reason with its remedy."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Bools
from cape_engine.claim_portal.deadlines import Deadlines
from cape_engine.claim_portal.entry_checks import (
    HOLD_NOT_IN_PHASE,
    INPUT_REFUSED,
    OWN_REASONS,
    UInt32s,
    UInt64s,
)
from cape_engine.claim_portal.routes import Routed, routed
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema.column import Column
from cape_engine.settings import Settings

TESTED_FACTS: tuple[Column, ...] = (
    f.ENTRY_TYPE,
    f.ENTRY_DATE,
    f.SUMMARY_STATUS,
    f.CONTROL_STATUS,
    f.STATEMENT_COMPLETE,
    f.LIQUIDATION_STATUS,
    f.RECONCILIATION_FLAG,
    f.RECONCILIATION_ENTRY_FILED,
    f.DRAWBACK_FLAG,
    f.PROTEST_STATUS,
    f.ADCVD_PENDING,
    f.SURETY_PAID,
)
"""Facts that CBP's entry checks read; bit i of `own` masks is fact i."""

IMPORTER_UNKNOWN, CHECK_DIGIT, HELD_BACK, FILED_TODAY = 1 << 16, 1 << 17, 1 << 18, 1 << 19
_OWN: Mapping[int, tuple[str, str]] = {
    IMPORTER_UNKNOWN: ("IMPORTER_UNKNOWN", "The importer of record is not known."),
    CHECK_DIGIT: ("CHECK_DIGIT", "The check digit does not fit."),
    HELD_BACK: ("HELD_BACK", "The list given with --hold keeps the entry back."),
    FILED_TODAY: ("FILED_TODAY", "The same declaration was filed on this day already, and its entries failed."),
}
ADCVD_FREE_TYPES = frozenset({"01", "02", "11", "12"})
"""Types without antidumping or countervailing duty (CATAIR Appendix B): nothing of theirs waits for Commerce."""


def unknown_facts(entries: pa.Table, settings: Settings) -> UInt32s:
    """Which tested facts are not known of each entry, as a mask; none with `claim.unknown_facts` = pass.

    A fact counts only where it matters: a type 09 on file for flagged entries, the pending AD/CVD liquidation for types
    that carry such duties, the status where no liquidation date is given either (clarification 17).

    Args:
        entries: entries of the store, n rows.
        settings: `claim.unknown_facts` is read.
    """
    mask = np.zeros(entries.num_rows, np.uint32)
    if settings.text("claim.unknown_facts") == "pass":
        return mask
    for place, column in enumerate(TESTED_FACTS):
        unknown = _unknown(entries, column)
        if unknown is not None:
            mask |= np.where(unknown & _matters(entries, column), np.uint32(1 << place), np.uint32(0))
    return mask


def _unknown(entries: pa.Table, column: Column) -> Bools | None:
    """Where a fact is not known; None when it is known of every entry."""
    values = bridge.stored(entries, column)
    if values is None:
        return np.ones(entries.num_rows, np.bool_)
    if values.null_count == 0:
        return None
    unknown: Bools = values.is_null().to_numpy(zero_copy_only=False)
    return unknown


def _matters(entries: pa.Table, column: Column) -> Bools:
    """Where a fact that is not known could fail the entry."""
    everywhere = np.ones(entries.num_rows, np.bool_)
    if column == f.LIQUIDATION_STATUS:
        undated: Bools = bridge.days(entries, f.LIQUIDATION_DATE) == NO_DAY
        return undated
    if column == f.RECONCILIATION_ENTRY_FILED:
        unflagged = bridge.said(entries, f.RECONCILIATION_FLAG, yes=False)
        return everywhere if unflagged is None else ~unflagged
    if column == f.ADCVD_PENDING:
        codes, vocabulary = bridge.codes(entries, f.ENTRY_TYPE)
        free = np.array([word.strip() in ADCVD_FREE_TYPES for word in vocabulary] + [False], np.bool_)
        return ~free[codes.astype(np.int64)]
    return everywhere


class Reasons(NamedTuple):
    """Why entries are left out, m rows.

    Attributes:
        codes: reason codes in capitals, rules first in their order, then ours.
        messages: CBP's words for each, else ours.
        route: what to do in one word.
        remedy: the same in a sentence or two.
        deadline: last day for it as a date; null where there is none.
    """

    codes: pa.ListArray
    messages: pa.ListArray
    route: pa.DictionaryArray
    remedy: pa.DictionaryArray
    deadline: pa.Array


def reasons(failed: UInt64s, own: UInt32s, days: Deadlines, *, ruleset: Ruleset, as_of: dt.date) -> Reasons:
    """Put the reasons of entries into words, made once for each distinct set of them.

    Args:
        failed: rules failed, as `ClaimResult.failed`; `duplicate_claim` where a live claim holds the entry.
        own: facts not known and the other reasons of packing.
        days: last days of corrections, protests and the like.
        ruleset: words and routes.
        as_of: filing day.
    """
    by_rule, which_rule = bridge.distinct(failed)
    by_own, which_own = bridge.distinct(own)
    sets, which = bridge.distinct((which_rule * len(by_own) + which_own).astype(np.uint64))
    spelt = [_spelt(by_rule[one // len(by_own)], by_own[one % len(by_own)], ruleset) for one in sets]
    codes, messages = [[code for code, _ in one] for one in spelt], [[words for _, words in one] for one in spelt]
    members = bridge.list_members(which, [len(one) for one in spelt])
    found = routed(codes, which, days, ruleset=ruleset, as_of=as_of)
    return Reasons(
        bridge.word_lists_of(members, codes),
        bridge.word_lists_of(members, messages),
        _words(found, 0),
        _words(found, 1),
        bridge.dates(found.by),
    )


def _spelt(failed: int, own: int, ruleset: Ruleset) -> list[tuple[str, str]]:
    """(code, message) of each reason in a set."""
    found = [OWN_REASONS[INPUT_REFUSED]] if failed >> INPUT_REFUSED & 1 else []
    found += [(r.reason_code, r.words) for place, r in enumerate(ruleset.eligibility) if failed >> place & 1]
    if failed >> HOLD_NOT_IN_PHASE & 1:
        found.append(OWN_REASONS[HOLD_NOT_IN_PHASE])
    facts = [str(column) for place, column in enumerate(TESTED_FACTS) if own >> place & 1]
    if facts:
        found.append(("FACT_UNKNOWN", f"Not known, which packing counts as failed: {', '.join(facts)}."))
    return found + [reason for bit, reason in _OWN.items() if own & bit]


def _words(found: Routed, part: int) -> pa.DictionaryArray:
    """Routes (0) or remedies (1) as a column of words."""
    vocabulary: dict[str, int] = {}
    places = np.array([vocabulary.setdefault(words[part], len(vocabulary)) for words in found.words], np.int32)
    return bridge.words(np.where(found.place < 0, -1, places[found.place]).astype(np.int32), list(vocabulary))
