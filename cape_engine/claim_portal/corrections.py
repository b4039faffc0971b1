"""Corrections to file before a declaration: what ACE's edits will find on an entry, and until when a PSC mends it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cape_engine.bridge import NO_DAY, Bools, Int32s, Int64s
from cape_engine.dates import day_number
from cape_engine.rules import Ruleset
from cape_engine.schema.codes import Trial


@dataclass(frozen=True, slots=True)
class Edit:
    """One of ACE's edits, as the trial removal replicates it.

    Attributes:
        fault: what the trial removal saw.
        reason: rule whose words and remedy describe it.
        rules: rules that fail an entry for it, each in its own days.
    """

    fault: Trial
    reason: str
    rules: tuple[str, ...]


EDITS: tuple[Edit, ...] = (
    Edit(Trial.ORDER_BROKEN, "hts_relationship_sequence", ("hts_relationship_sequence",)),
    Edit(Trial.VALUE_ON_IEEPA, "goods_value_on_ieepa", ("goods_value_on_ieepa",)),
    Edit(Trial.VALUE_MISSING_BASE, "goods_value_missing_base", ("goods_value_missing_base",)),
    Edit(Trial.PARTNER_MISSING, "hts_relationship", ("hts_relationship_sequence", "hts_relationship")),
    Edit(Trial.NUMBER_INACTIVE, "invalid_hts", ("hts_relationship_sequence", "invalid_hts")),
    Edit(Trial.UNABLE, "unable_to_calculate", ("unable_to_calculate",)),
)
"""Order of numbers, value on the IEEPA record or nowhere, missing partner, end-dated number, no formula."""


def psc_possible(last_days: Int32s, liquidated: Int32s, as_of: dt.date) -> Bools:
    """Whether a correction may still be filed: the entry is not liquidated, and its last day has not passed (4.4).

    Args:
        last_days: last day of a correction (`Deadlines.psc`), shape (n,); `NO_DAY` where none is known.
        liquidated: day of the (re)liquidation; `NO_DAY` without one.
        as_of: filing day.
    """
    result: Bools = (liquidated == NO_DAY) & (last_days != NO_DAY) & (last_days >= day_number(as_of))
    return result


@dataclass(frozen=True, slots=True)
class Corrections:
    """Edits that entries will meet, one row for each entry and edit, the most pressing first.

    Attributes:
        rows: row of the entry, shape (m,).
        edit: place of the edit in `EDITS`.
        blocks: whether the entry fails for it on the filing day.
    """

    rows: Int64s
    edit: npt.NDArray[np.int8]
    blocks: Bools


def corrections(
    trial: npt.NDArray[np.uint32],
    failed: npt.NDArray[np.uint64],
    *,
    possible: Bools,
    last_days: Int32s,
    principal_cents: Int64s,
    keys: Int64s,
    ruleset: Ruleset,
) -> Corrections:
    """Plan the corrections: those that block the claim first, then what can still be filed, by its last day.

    Args:
        trial: faults that the trial removal saw, shape (n,).
        failed: rules that the entries fail on the filing day (`ClaimResult.failed`), shape (n,).
        possible: whether a correction may still be filed.
        last_days: last day of a correction.
        principal_cents: duty that the claim asks back; the larger comes first among equals.
        keys: entry numbers; the smaller comes first among equals.
        ruleset: rules that the bits of `failed` count.
    """
    places = {rule.rule_id: place for place, rule in enumerate(ruleset.eligibility)}
    rows, edits, blocks = [], [], []
    for number, edit in enumerate(EDITS):
        found = np.flatnonzero(trial & np.uint32(edit.fault))
        if not len(found):
            continue
        mask = np.uint64(sum(1 << places[rule] for rule in edit.rules if rule in places))
        rows.append(found)
        edits.append(np.full(len(found), number, np.int8))
        blocks.append((failed[found] & mask) != 0)
    if not rows:
        return Corrections(np.zeros(0, np.int64), np.zeros(0, np.int8), np.zeros(0, np.bool_))
    row, kind, blocking = np.concatenate(rows), np.concatenate(edits), np.concatenate(blocks)
    order = np.lexsort((kind, keys[row], -principal_cents[row], last_days[row], ~possible[row], ~blocking))
    return Corrections(row[order], kind[order], blocking[order])
