"""One refund per recipient and liquidation day, split into payments at the cap (handbook 7.3 and 7.4)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cape_engine.bridge import Bools, Int32s, Int64s, dates, integers, maybe_integers, readonly, single
from cape_engine.dates import date_of
from cape_engine.errors import InputError, SettingError
from cape_engine.findings import Findings
from cape_engine.refund.recipients import Known, Parties, importers_by_key
from cape_engine.refund.tally import Tally, together
from cape_engine.schema import results as r
from cape_engine.schema.column import CENTS, TEXT, Column, arrow_schema
from cape_engine.schema.facts import ACH_ENROLLED, IMPORTER_NUMBER
from cape_engine.settings import Settings
from cape_kernels import consolidation as kernels

VERSION = 1
"""Version of a cohort: a payment key stays the same when the same run is repeated (handbook 7.4)."""
UNKNOWN = "UNKNOWN"
"""Shown as the recipient of entries whose importer is not known."""
DENSE_CELLS = 1 << 21
"""Largest dense table of sums (64 MiB); beyond it the cells of a partition are numbered by sorting."""

KEY = Column("recipient_key", TEXT, "recipient as it is compared; empty when unknown", source="clarification 15")
SHOWN = Column("recipient_shown", TEXT, "recipient as it is shown")
IMPORTER_KEY = Column("importer_key", TEXT, "importer of record as it is compared; empty when unknown")
DAY = Column("liquidation_day", pa.int32(), "liquidation day, days since 1970-01-01", source="19 CFR 159.9")
INTEREST_SUM = Column(str(r.INTEREST_CENTS), CENTS, "interest of the entries whose interest is known", low=0)
OPEN = Column("interest_open", pa.int64(), "entries whose interest is not known", low=0)
SUMS = (KEY, SHOWN, IMPORTER_KEY, DAY, r.ENTRIES, r.PRINCIPAL_CENTS, INTEREST_SUM, OPEN)
SUMS_SCHEMA = arrow_schema(SUMS)
"""Partial sums of a partition: one row for each recipient, importer and day; they add up over partitions."""


def payment_key(recipient_key: str, day: int, part: int, importer_key: str | None = None) -> str:
    """Key of a payment: a short hash of recipient, day, cohort version and part, never of an amount.

    Args:
        recipient_key: the recipient as it is compared.
        day: liquidation day, days since 1970-01-01.
        part: number of the part, from 1.
        importer_key: the importer, when importers are kept apart (`refund.consolidate_4811` = importer).
    """
    return _key(recipient_key, date_of(day).isoformat(), part, importer_key)


def _key(recipient_key: str, iso_day: str, part: int, importer_key: str | None) -> str:
    """The key itself; eighty bits keep ten million cohorts apart."""
    text = f"{recipient_key}|{iso_day}|{VERSION}|{part}"
    if importer_key is not None:
        text = f"{text}|{importer_key}"
    return hashlib.sha256(text.encode()).hexdigest()[:20].upper()


@dataclass(frozen=True, slots=True)
class Cohorts:
    """The cohorts of one partition.

    Attributes:
        sums: partial sums (`SUMS_SCHEMA`).
        payment_id: key of part 1 for each entry, null where nothing is paid.
    """

    sums: pa.Table
    payment_id: pa.Array


def cohorts(
    who: Parties,
    paid: Bools,
    liquidation_day: Int32s,
    principal_cents: Int64s,
    interest_cents: Int64s,
    interest_known: Bools,
    settings: Settings,
) -> Cohorts:
    """Add the paid entries of a partition up by recipient, importer and day.

    Args:
        who: importer and recipient of each entry.
        paid: bool[entries], principal above zero and a liquidation day.
        liquidation_day: int32[entries].
        principal_cents: int64[entries].
        interest_cents: int64[entries], 0 where not known.
        interest_known: bool[entries].
        settings: `refund.consolidate_4811`.

    Raises:
        InputError: a sum passes 2^63 cents.
    """
    if not paid.any():
        return Cohorts(SUMS_SCHEMA.empty_table(), pa.nulls(len(paid), pa.string()))
    apart = settings.text("refund.consolidate_4811") == "importer"
    size = len(who.keys) + 1
    pairs, party = _parties(who.recipient.astype(np.int64) + 1, who.importer.astype(np.int64) + 1, paid, size)
    first, last = int(liquidation_day[paid].min()), int(liquidation_day[paid].max())
    width = last - first + 1
    cell = np.where(paid, party * width + (liquidation_day - first), -1)
    used, sums, rank = _sums(cell, len(pairs) * width, principal_cents, interest_cents, interest_known)
    recipient, importer = np.divmod(pairs[used // width], size)
    keys, shown = ["", *who.keys], [UNKNOWN, *who.shown]
    days_ = used % width + first
    iso_days = np.datetime_as_string(np.arange(first, last + 1).astype("datetime64[D]")).tolist()
    ids = [
        _key(keys[one], iso_days[day], 1, keys[other] if apart else None)
        for one, other, day in zip(recipient.tolist(), importer.tolist(), (used % width).tolist(), strict=True)
    ]
    table = pa.table(
        [
            pa.array(keys).take(pa.array(recipient)),
            pa.array(shown).take(pa.array(recipient)),
            pa.array(keys).take(pa.array(importer)),
            pa.array(days_.astype(np.int32)),
            *(pa.array(sums[:, column]) for column in range(sums.shape[1])),
        ],
        schema=SUMS_SCHEMA,
    )
    return Cohorts(table, pa.array(ids).take(pa.array(np.where(paid, rank, 0), mask=~paid)))


def _parties(recipient: Int64s, importer: Int64s, paid: Bools, size: int) -> tuple[Int64s, Int64s]:
    """The pairs (recipient x size + importer) that occur among the paid, and the place of each entry's pair.

    Most recipients are the importer itself: these are numbered without sorting.
    """
    own = paid & (recipient == importer)
    occurs = np.zeros(size, np.bool_)
    occurs[importer[own]] = True
    numbers = np.flatnonzero(occurs)
    place = np.cumsum(occurs, dtype=np.int64)[importer] - 1
    other = paid & ~own
    pairs, inverse = np.unique(recipient[other] * size + importer[other], return_inverse=True)
    place[other] = len(numbers) + inverse
    return np.concatenate([numbers * size + numbers, pairs]), place


def _sums(
    cell: Int64s, cells: int, principal_cents: Int64s, interest_cents: Int64s, interest_known: Bools
) -> tuple[Int64s, Int64s, Int64s]:
    """The cells that occur, their sums, and the place of each entry's cell among them.

    A dense table is one pass; where it would be too large the cells are numbered by sorting first.
    """
    paid = cell >= 0
    rank = np.full(len(cell), -1, np.int64)
    sorted_cells = np.zeros(0, np.int64)
    if cells <= DENSE_CELLS:
        place = cell
    else:
        sorted_cells, inverse = np.unique(cell[paid], return_inverse=True)
        rank[paid] = inverse
        place, cells = rank, len(sorted_cells)
    sums, overflow = np.zeros((cells, 4), np.int64), np.zeros(1, np.int8)
    kernels.add_to_cohorts(
        readonly(place),
        readonly(principal_cents),
        readonly(interest_cents),
        readonly(interest_known.astype(np.int8)),
        sums,
        overflow,
    )
    if overflow[0]:
        raise InputError("the refunds of one recipient on one day pass 2^63 cents: the amounts are beyond every bound")
    if place is rank:
        return sorted_cells, sums, rank
    used = np.flatnonzero(sums[:, kernels.ENTRIES])
    lookup = np.zeros(cells, np.int64)
    lookup[used] = np.arange(len(used))
    rank[paid] = lookup[cell[paid]]
    return used, sums[used], rank


@dataclass(frozen=True, slots=True)
class Consolidated:
    """The refunds of a whole run.

    Attributes:
        refunds: one row per recipient and day (`schema.results.RESULT_REFUNDS_SCHEMA`).
        payments: their parts (`RESULT_PAYMENTS_SCHEMA`).
        findings: of pricing and consolidation together.
    """

    refunds: pa.Table
    payments: pa.Table
    findings: Findings


def consolidate(
    sums: Iterable[pa.Table], tallies: Iterable[Tally], *, settings: Settings, importers: pa.Table | None = None
) -> Consolidated:
    """Add the partial sums of all partitions up, and cut what is paid at the cap.

    Args:
        sums: `Priced.sums` of every partition, in any order.
        tallies: `Priced.tally` of every partition.
        settings: `refund.consolidate_4811`, `refund.payment_cap_cents`.
        importers: rows of `schema.facts.IMPORTERS_FILE`, for the enrolment of the recipients.

    Raises:
        InputError: a sum passes 2^63 cents.
        SettingError: a payment cap below one cent.
    """
    cap = settings.number("refund.payment_cap_cents")
    if cap < 1:
        raise SettingError("refund.payment_cap_cents must be at least 1")
    apart = settings.text("refund.consolidate_4811") == "importer"
    whole = _added(pa.concat_tables([SUMS_SCHEMA.empty_table(), *sums]), apart=apart)
    amount = integers(whole, r.PRINCIPAL_CENTS) + np.where(integers(whole, OPEN) > 0, 0, integers(whole, INTEREST_SUM))
    parts = -(-amount // cap)
    findings = together(tallies).findings()
    status = _statuses(whole, importers_by_key(importers), findings)
    shown = _words(whole, SHOWN)
    refunds = pa.table(
        [
            shown,
            dates(integers(whole, DAY).astype(np.int32)),
            whole.column(str(r.IMPORTERS)),
            whole.column(str(r.ENTRIES)),
            whole.column(str(r.PRINCIPAL_CENTS)),
            maybe_integers(integers(whole, INTEREST_SUM), integers(whole, OPEN) == 0),
            pa.array(amount),
            pa.array(parts.astype(np.int32)),
            status,
        ],
        schema=r.RESULT_REFUNDS_SCHEMA,
    )
    return Consolidated(refunds, _payments(whole, refunds, parts, cap, apart=apart), findings)


def _added(table: pa.Table, *, apart: bool) -> pa.Table:
    """The partial sums of all partitions by recipient and day (and importer, when kept apart), in their final order."""
    for column in (r.PRINCIPAL_CENTS, INTEREST_SUM):
        values = integers(table, column)
        # A quick bound first; only beyond it the exact sum, in integers of any size.
        if len(values) and int(values.max()) * len(values) >= 1 << 63 and sum(values.tolist()) >= 1 << 63:
            raise InputError("the refunds of this run pass 2^63 cents: the amounts are beyond every bound")
    keys = [str(KEY), str(DAY), *([str(IMPORTER_KEY)] if apart else [])]
    summed = [str(column) for column in (r.ENTRIES, r.PRINCIPAL_CENTS, INTEREST_SUM, OPEN)]
    grouped = table.group_by(keys, use_threads=False).aggregate(
        [(str(SHOWN), "min"), (str(IMPORTER_KEY), "count_distinct"), *((column, "sum") for column in summed)]
    )
    grouped = grouped.rename_columns(
        {f"{SHOWN}_min": str(SHOWN), f"{IMPORTER_KEY}_count_distinct": str(r.IMPORTERS)}
        | {f"{column}_sum": column for column in summed}
    )
    return grouped.sort_by([(str(SHOWN), "ascending"), *((key, "ascending") for key in keys)])


def _statuses(whole: pa.Table, importers: Mapping[str, Known], findings: Findings) -> pa.DictionaryArray:
    """State of each cohort: held without recipient, rate or enrolment, else ready."""
    keys = single(whole, KEY).to_pylist()
    statuses, not_known = [], set()
    for key, entries_open in zip(keys, single(whole, OPEN).to_pylist(), strict=True):
        fact = importers.get(key)
        enrolled = None if fact is None else fact.ach_enrolled
        if not key:
            statuses.append("held_no_recipient")
        elif entries_open:
            statuses.append("held_no_interest_rate")
        elif enrolled is False:
            statuses.append("held_no_ach")
        else:
            statuses.append("ready")
        if key and enrolled is None:
            not_known.add(key)
    nameless = integers(whole, r.ENTRIES)[np.array([not key for key in keys], np.bool_)].sum()
    if nameless:
        # A fact that no input gives at all is worth an `info` only (clarification 10).
        code = "RECIPIENT_UNKNOWN" if any(keys) else "RECIPIENT_NOT_GIVEN"
        findings.add(code, column=str(IMPORTER_NUMBER), value=int(nameless))
    if not_known:
        findings.add("ACH_NOT_KNOWN", column=str(ACH_ENROLLED), value=len(not_known))
    return pa.array(statuses, pa.string()).dictionary_encode()


def _words(whole: pa.Table, column: Column) -> pa.DictionaryArray:
    return single(whole, column).dictionary_encode()


def _payments(whole: pa.Table, refunds: pa.Table, parts: Int64s, cap: int, *, apart: bool) -> pa.Table:
    """The parts of every refund: the fewest, full ones first (Treasury limit, handbook 7.4)."""
    row = np.repeat(np.arange(len(parts)), parts)
    part = np.arange(len(row)) - np.repeat(np.cumsum(parts) - parts, parts) + 1
    amount = integers(refunds, r.AMOUNT_CENTS)
    rest = amount - (parts - 1) * cap
    keys, days_ = single(whole, KEY).to_pylist(), single(whole, DAY).to_pylist()
    importers = single(whole, IMPORTER_KEY).to_pylist() if apart else [None] * len(keys)
    ids = [
        payment_key(keys[at], days_[at], number, importers[at])
        for at, number in zip(row.tolist(), part.tolist(), strict=True)
    ]
    place = pa.array(row)
    return pa.table(
        [
            pa.array(ids, pa.string()),
            refunds.column(str(r.RECIPIENT)).take(place),
            refunds.column(str(r.RESULT_LIQUIDATION_DATE)).take(place),
            pa.array(part.astype(np.int32)),
            refunds.column(str(r.PARTS)).take(place),
            pa.array(np.where(part < parts[row], cap, rest[row])),
            refunds.column(str(r.STATUS)).take(place),
        ],
        schema=r.RESULT_PAYMENTS_SCHEMA,
    )
