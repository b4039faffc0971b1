"""Interest, recipient and cohort of every entry of a partition (handbook 7.1 to 7.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine.bridge import NO_DAY, Bools, Int8s, Int32s, Int64s, either, known_only
from cape_engine.dates import date_of
from cape_engine.listed import first_of_each
from cape_engine.refund.deposits import Slices, slices
from cape_engine.refund.keys import key_texts, payment_keys
from cape_engine.refund.many import interest_of_slices
from cape_engine.refund.rates import KINDS, RateTable, quarter_bounds, table_in_force
from cape_engine.refund.recipients import Parties, kinds, parties
from cape_engine.refund.register import Register
from cape_engine.refund.sums import Sums, summed
from cape_engine.refund.tally import Tally
from cape_engine.rules import Ruleset
from cape_engine.schema.codes import Flag
from cape_engine.settings import Settings
from cape_kernels import consolidation

DISREGARDED_CENTS = 20_00
"""Differences below this may be disregarded at ordinary liquidation (19 CFR 159.6)."""
_FAR = 3660
"""Missing quarters are named up to ten years before and after the rate table."""


@dataclass(frozen=True, slots=True)
class Priced:
    """What is paid for each entry of a partition.

    Attributes:
        interest_cents: int64[entries], 0 where nothing is paid or no interest runs.
        interest_known: bool[entries], false where a day of the period has no rate.
        interest_from: int32[entries], earliest deposit day used, itself not counted; NO_DAY where no interest runs.
        interest_to: int32[entries], (re)liquidation day, itself counted; NO_DAY likewise.
        flags: uint32[entries], `Flag.INTEREST_RATE_MISSING` and `Flag.SMALL_DIFFERENCE`.
        recipient: word column, null where unknown.
        payment_id: word column, key of part 1 of the entry's payment; null where nothing is paid.
        sums: partial sums by recipient, importer and day, for `consolidate`.
        tally: what was noticed, for `consolidate`.
    """

    interest_cents: Int64s
    interest_known: Bools
    interest_from: Int32s
    interest_to: Int32s
    flags: npt.NDArray[np.uint32]
    recipient: pa.DictionaryArray
    payment_id: pa.DictionaryArray
    sums: Sums
    tally: Tally


def price(
    entries: pa.Table,
    *,
    principal_cents: Int64s,
    payable: Bools,
    liquidation_day: Int32s,
    ruleset: Ruleset,
    settings: Settings,
    importers: pa.Table | None = None,
    deposits: pa.Table | None = None,
    register: Register | None = None,
) -> Priced:
    """Interest, recipient and payment of every entry.

    Args:
        entries: rows of the store's entries (`schema.rows.STORE_ENTRIES_SCHEMA`).
        principal_cents: int64[entries], duty to give back, at least 0 (handbook 5.10).
        payable: bool[entries], the entry is liquidated or reliquidated on `liquidation_day`.
        liquidation_day: int32[entries], days since 1970-01-01.
        ruleset: the interest rates.
        settings: the values in force of `refund.*`.
        importers: rows of `schema.facts.IMPORTERS_FILE`, when there is no register yet.
        deposits: rows of `schema.facts.DEPOSITS_FILE`.
        register: the numbers of the run and the facts of its importers file; made from `importers` when not given.

    Raises:
        InputError: the refunds of one recipient on one day pass 2^63 cents.
    """
    tally = Tally()
    paid = payable & (principal_cents > 0) & (liquidation_day != NO_DAY)
    flags = np.zeros(len(paid), np.uint32)
    if settings.text("refund.small_difference") == "disregard_lt_20":
        small = paid & (principal_cents < DISREGARDED_CENTS)
        flags[small] |= np.uint32(Flag.SMALL_DIFFERENCE)
        paid = paid & ~small
    who = parties(entries, register or Register(importers))
    kind, assumed = kinds(entries, who, settings)
    tally.count("IMPORTER_KIND_ASSUMED", int((paid & assumed).sum()), settings.text("refund.default_importer_kind"))
    parts = slices(entries, principal_cents, paid, deposits=deposits, settings=settings)
    tally.deposits_known += int(parts.known.sum())
    tally.count("INTEREST_FROM_ENTRY_DATE", int(parts.estimated.sum()))
    tally.name("DEPOSIT_DATE_MISSING", entries, parts.missing)
    tally.name("DEPOSITS_NOT_COVERING", entries, parts.uncovered)
    table = table_in_force(ruleset, settings)
    amounts, known = interest_of_slices(parts, kind, liquidation_day, table, settings.text("refund.interest_rounding"))
    interest = np.zeros(len(paid), np.int64)
    if parts.single:
        interest[parts.entry] = amounts
    else:
        np.add.at(interest, parts.entry, amounts)
    interest_known = np.ones(len(paid), np.bool_)
    interest_known[parts.entry[~known]] = False
    interest[~interest_known] = 0
    flags[~interest_known] |= np.uint32(Flag.INTEREST_RATE_MISSING)
    start = _earliest(parts, liquidation_day, entries, tally)
    _count_missing(tally, table, kind, start, liquidation_day, ~interest_known)
    refunds = consolidation.Refunds(
        who.recipient,
        who.importer,
        liquidation_day,
        principal_cents,
        interest,
        interest_known.view(np.int8),
        paid.view(np.int8),
    )
    sums, payment_id = _paid_out(who, refunds, settings)
    return Priced(
        interest,
        interest_known,
        start,
        either(start == NO_DAY, NO_DAY, liquidation_day),
        flags,
        who.recipients(),
        payment_id,
        sums,
        tally,
    )


def _paid_out(who: Parties, refunds: consolidation.Refunds, settings: Settings) -> tuple[Sums, pa.DictionaryArray]:
    """Partial sums of a partition, and the key of the first payment of each entry."""
    sums, row = summed(refunds, who.register)
    recipient, day, importer = sums.recipient, sums.day, None
    if settings.text("refund.consolidate_4811") == "importer":
        importer = sums.importer
    else:
        # Several importers share a payment; a dictionary names it once, or Parquet files of equal tables differ.
        # Places count from 0 here and from 1 there, so that no key is 0; a day before 1970 would not be told apart.
        first, which = first_of_each((recipient.astype(np.int64) + 1 << 32 | day).view(np.uint64))
        recipient, day, row = recipient[first], day[first], np.append(which, np.int32(-1))[row]
    keys = payment_keys(who.register, recipient, day, np.ones(len(day), np.int32), importer)
    places = known_only(row, refunds.paid.view(np.bool_), pa.int32())
    return sums, pa.DictionaryArray.from_arrays(places, key_texts(keys), safe=False)


def _earliest(parts: Slices, liquidation_day: Int32s, entries: pa.Table, tally: Tally) -> Int32s:
    """Earliest deposit day of each entry that bears interest; deposits after the liquidation are noticed."""
    late = parts.day > liquidation_day[parts.entry]
    mask = np.zeros(len(liquidation_day), np.bool_)
    mask[parts.entry[late]] = True
    tally.name("DEPOSIT_AFTER_LIQUIDATION", entries, mask)
    if parts.single:
        start = np.full(len(liquidation_day), NO_DAY, np.int32)
        start[parts.entry] = either(late, NO_DAY, parts.day)
        return start
    start = np.full(len(liquidation_day), np.iinfo(np.int32).max, np.int32)
    np.minimum.at(start, parts.entry[~late], parts.day[~late])
    start[start == np.iinfo(np.int32).max] = NO_DAY
    return start


def _count_missing(tally: Tally, table: RateTable, kind: Int8s, start: Int32s, end: Int32s, unknown: Bools) -> None:
    """Count the entries that lack a rate, by quarter and kind."""
    rows = np.flatnonzero(unknown)
    if not len(rows):
        return
    first = np.maximum(start[rows].astype(np.int64), table.origin - _FAR)
    last = np.minimum(end[rows].astype(np.int64), table.last + _FAR)
    opening, closing = date_of(int(first.min()) + 1), date_of(int(last.max()))
    for quarter in range(opening.year * 4 + (opening.month - 1) // 3, closing.year * 4 + (closing.month - 1) // 3 + 1):
        begins, ends = quarter_bounds(quarter // 4, quarter % 4 + 1)
        lacking = _days_without_rate(table, np.clip(first, begins - 1, ends), np.clip(last, begins - 1, ends)) > 0
        for place, word in enumerate(KINDS):
            number = int((lacking & (kind[rows] == place)).sum())
            tally.count("INTEREST_QUARTER_MISSING", number, f"{quarter // 4}-Q{quarter % 4 + 1} {word}")


def _days_without_rate(table: RateTable, start: Int64s, end: Int64s) -> Int64s:
    """Days after `start` up to `end` that lie outside the table or in a gap of it."""
    inner_start, inner_end = np.clip(start, table.origin, table.last), np.clip(end, table.origin, table.last)
    inside = inner_end - inner_start
    gaps = table.gaps[inner_end - table.origin] - table.gaps[inner_start - table.origin]
    missing: Int64s = (end - start) - inside + gaps
    return missing
