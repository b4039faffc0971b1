"""What we expect: entries, refunds and payment parts of a run or of the ledger, as arrays that are joined by number."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Bools, Int32s, Int64s
from cape_engine.errors import InputError
from cape_engine.intake.entries import keys_of_texts
from cape_engine.refund.reconciliation.rows import NONE, Vocabularies
from cape_engine.schema import facts as f
from cape_engine.schema import life
from cape_engine.schema import reconciliation as c
from cape_engine.schema import results as r
from cape_engine.schema.ledger import CLAIM_NUMBER, ON_DAY

_ACCEPTED, _WAIT = r.DISPOSITION.words[0], r.ACTION.words[2]
_HELD = r.STATUS.words[1]


@dataclass(frozen=True, slots=True)
class Entries:
    """Accepted entries, ascending by key.

    Attributes:
        key: int64[n], entry keys.
        principal, interest: int64[n], cents; interest 0 where a rate is missing.
        known: bool[n], whether the interest is known.
        start: int32[n], deposit day, `NO_DAY` where none.
        day: int32[n], (re)liquidation day, `NO_DAY` while the entry waits.
        entered: int32[n], entry date, `NO_DAY` where not known.
        recipient: int32[n], code in the vocabulary of recipients, `NONE` where unknown.
        claim: int32[n], code of our claim number, `NONE` where unknown.
        cohort: int64[n], place of the refund, `NONE` where nothing is paid.
        mode_b: int64[n], principal by mode B, `NONE` where it cannot be computed.
        plain: int64[n], principal by plain deletion.
        prior: int64[n], given back before and taken off our principal.
        slices: deposits (entry place, cents, day) where they are known; else None.
    """

    key: Int64s
    principal: Int64s
    interest: Int64s
    known: Bools
    start: Int32s
    day: Int32s
    entered: Int32s
    recipient: Int32s
    claim: Int32s
    cohort: Int64s
    mode_b: Int64s
    plain: Int64s
    prior: Int64s
    slices: tuple[Int64s, Int64s, Int32s] | None = None

    def __len__(self) -> int:
        return len(self.key)


@dataclass(frozen=True, slots=True)
class Cohorts:
    """Refunds: one per recipient and liquidation day (and version, in a ledger).

    Attributes:
        key: text[n], payment key of part 1, or the ledger's key.
        recipient: int32[n], code; `NONE` where unknown.
        day: int32[n].
        amount: int64[n], cents.
        held: bool[n], held by ourselves for want of enrolment.
        part_cohort: int64[m], refund of each payment part, ascending.
        part_amount: int64[m], cents.
    """

    key: pa.Array
    recipient: Int32s
    day: Int32s
    amount: Int64s
    held: Bools
    part_cohort: Int64s
    part_amount: Int64s

    def __len__(self) -> int:
        return len(self.day)


@dataclass(frozen=True, slots=True)
class Expected:
    """Entries and refunds of one origin."""

    entries: Entries
    cohorts: Cohorts


def of_results(entries: pa.Table, refunds: pa.Table, payments: pa.Table, words: Vocabularies) -> Expected:
    """What a run expects.

    Args:
        entries: entries table of the run.
        refunds: its refunds.
        payments: their parts.
        words: vocabularies of all reports.

    Raises:
        InputError: refunds and payments do not belong together.
    """
    cohorts = _cohorts(refunds, payments, words)
    accepted = entries.filter(pc.equal(entries.column(str(r.DISPOSITION)), _ACCEPTED))
    key = _keys(accepted)
    principal = bridge.integers(accepted, r.PRINCIPAL_CENTS, 0)
    filed = bridge.integers(accepted, r.FILED_DUTY_CENTS, 0)
    new = bridge.integers(accepted, r.RECALCULATED_DUTY_CENTS)
    other = bridge.integers(accepted, r.RECOMPUTED_DUTY_CENTS)
    interest = bridge.integers(accepted, r.INTEREST_CENTS)
    action = bridge.single(accepted, r.ACTION).cast(pa.string())
    waiting = pc.equal(action, _WAIT).to_numpy(zero_copy_only=False)
    day = np.where(waiting, NO_DAY, bridge.days(accepted, r.RESULT_LIQUIDATION_DATE)).astype(np.int32)
    paid = principal > 0
    found = Entries(
        key,
        principal,
        np.maximum(interest, 0),
        interest >= 0,
        bridge.days(accepted, r.INTEREST_FROM),
        day,
        bridge.days(accepted, f.ENTRY_DATE),
        _recipients(bridge.single(accepted, r.RECIPIENT), words),
        np.full(len(key), NONE, np.int32),
        _places(bridge.single(accepted, r.PAYMENT_ID), cohorts.key),
        np.where((other >= 0) & (new >= 0) & paid, np.maximum(principal + new - other, 0), NONE),
        np.where(paid, principal + bridge.integers(accepted, r.RESTORED_COLUMN1_CENTS, 0), NONE),
        np.where(paid & (new >= 0), np.maximum(filed - new - principal, 0), 0),
    )
    return Expected(_sorted(found), cohorts)


def renumbered(expected: Expected, own: Vocabularies, words: Vocabularies) -> Expected:
    """What a run expects, read with a vocabulary of recipients of its own, with the numbers that reports have.

    Args:
        expected: of `of_results`.
        own: its vocabularies.
        words: vocabularies of all reports; they take what is new in the order in which it came.
    """
    codes = words.of(c.REPORT_RECIPIENT).adopt(own.of(c.REPORT_RECIPIENT))
    entries, cohorts = expected.entries, expected.cohorts
    return Expected(
        replace(entries, recipient=codes[entries.recipient]), replace(cohorts, recipient=codes[cohorts.recipient])
    )


def of_ledger(
    decisions: pa.Table, refunds: pa.Table, payments: pa.Table, facts: pa.Table, claims: pa.Table, words: Vocabularies
) -> Expected:
    """What a ledger expects.

    Args:
        decisions: as recorded; the last row of an entry counts.
        refunds: as recorded.
        payments: their parts.
        facts: of entries that a live claim holds; those without a decision wait.
        claims: entry numbers with claim numbers.
        words: vocabularies of all reports.
    """
    keys = bridge.single(refunds, life.REFUND).cast(pa.string())
    of_refund = pc.index_in(bridge.single(payments, life.REFUND).cast(pa.string()), value_set=keys)
    part_cohort = of_refund.to_numpy(zero_copy_only=False).astype(np.int64)
    order = np.lexsort((bridge.integers(payments, life.PAID_PART), part_cohort))
    cohorts = Cohorts(
        keys,
        _recipients(bridge.single(refunds, r.RECIPIENT), words),
        bridge.days(refunds, r.RESULT_LIQUIDATION_DATE),
        bridge.integers(refunds, r.AMOUNT_CENTS, 0),
        np.zeros(refunds.num_rows, np.bool_),
        part_cohort[order],
        bridge.integers(payments, r.AMOUNT_CENTS, 0)[order],
    )
    decided_key = _keys(decisions)
    last = _last_of_each(decided_key)
    decided = decisions.take(pa.array(last))
    fact_key = _keys(facts)
    waiting = facts.take(pa.array(np.flatnonzero(~np.isin(fact_key, decided_key))))
    fact_order = np.argsort(fact_key, kind="stable")
    place = _found(fact_key[fact_order], decided_key[last])
    entered = bridge.days(facts, f.ENTRY_DATE)[fact_order]
    key = np.concatenate([decided_key[last], _keys(waiting)])
    nothing = np.zeros(waiting.num_rows, np.int64)
    silent = np.full(waiting.num_rows, NO_DAY, np.int32)
    interest = np.concatenate([bridge.integers(decided, r.INTEREST_CENTS), nothing])
    principal = np.concatenate(
        [bridge.integers(decided, r.PRINCIPAL_CENTS, 0), bridge.integers(waiting, r.PRINCIPAL_CENTS, 0)]
    )
    cohort = np.concatenate([_places(bridge.single(decided, life.REFUND), keys), np.full(len(nothing), NONE)])
    undone = np.full(len(key), NONE, np.int64)
    claim_order = np.argsort(_keys(claims), kind="stable")
    claim_place = _found(_keys(claims)[claim_order], key)
    numbers = bridge.single(claims, CLAIM_NUMBER).cast(pa.string())
    codes = words.of(CLAIM_NUMBER).codes(numbers)[claim_order]
    entries = Entries(
        key,
        principal,
        np.maximum(interest, 0),
        interest >= 0,
        np.concatenate([bridge.days(decided, r.INTEREST_FROM), silent]),
        np.concatenate([bridge.days(decided, ON_DAY), silent]),
        np.concatenate([_at(entered, place, NO_DAY).astype(np.int32), bridge.days(waiting, f.ENTRY_DATE)]),
        np.concatenate([_recipients(bridge.single(table, r.RECIPIENT), words) for table in (decided, waiting)]),
        _at(codes, claim_place, NONE).astype(np.int32),
        cohort,
        undone,
        undone,
        np.zeros(len(key), np.int64),
        _deposits(facts, fact_key, key),
    )
    return Expected(_sorted(entries), cohorts)


def with_run(expected: Expected, run: Expected) -> Expected:
    """What the ledger expects, with mode B, plain deletion and earlier refunds as a run over the same entries knows."""
    mine, theirs = expected.entries, run.entries
    place = _found(theirs.key, mine.key)
    same = (place >= 0) & (_at(theirs.principal, place, NONE) == mine.principal)
    place = np.where(same, place, NONE)
    entries = replace(
        mine,
        mode_b=_at(theirs.mode_b, place, NONE),
        plain=_at(theirs.plain, place, NONE),
        prior=_at(theirs.prior, place, 0),
    )
    return Expected(entries, expected.cohorts)


def with_claims(expected: Expected, key: Int64s, claim: Int64s) -> Expected:
    """The same with claim numbers where none is known, of entries that CBP took into exactly one claim.

    Args:
        expected: what we expect.
        key: int64[m], entry of each row of Claim Details that CBP updated.
        claim: int64[m], code of its claim number.
    """
    entries = expected.entries
    pairs = np.unique(np.stack([key, claim]), axis=1) if len(key) else np.empty((2, 0), np.int64)
    one, count = np.unique(pairs[0], return_counts=True)
    first = np.searchsorted(pairs[0], one)
    sure = count == 1
    place = _found(one[sure], entries.key)
    given = _at(pairs[1][first][sure], place, NONE).astype(np.int32)
    claims = np.where(entries.claim >= 0, entries.claim, given).astype(np.int32)
    return Expected(replace(entries, claim=claims), expected.cohorts)


def _cohorts(refunds: pa.Table, payments: pa.Table, words: Vocabularies) -> Cohorts:
    """Refunds of a run; its payments stand in the same order, part by part."""
    first = bridge.integers(payments, r.PART) == 1
    part_cohort = np.cumsum(first) - 1
    one = payments.filter(pa.array(first))
    days = bridge.days(refunds, r.RESULT_LIQUIDATION_DATE)
    amount = bridge.integers(refunds, r.AMOUNT_CENTS, 0)
    part_amount = bridge.integers(payments, r.AMOUNT_CENTS, 0)
    sums = np.bincount(part_cohort, minlength=len(days)) if len(part_cohort) else np.zeros(len(days), np.int64)
    if one.num_rows == refunds.num_rows and len(part_cohort):
        sums = np.add.reduceat(part_amount, np.flatnonzero(first))
    if one.num_rows != refunds.num_rows or not np.array_equal(sums, amount):
        raise InputError("the payments of the run are not those of its refunds; run it again into another folder")
    status = bridge.single(refunds, r.STATUS).cast(pa.string())
    return Cohorts(
        bridge.single(one, r.PAYMENT_KEY).cast(pa.string()),
        _recipients(bridge.single(refunds, r.RECIPIENT), words),
        days,
        amount,
        pc.equal(status, _HELD).to_numpy(zero_copy_only=False),
        part_cohort,
        part_amount,
    )


def _keys(table: pa.Table) -> Int64s:
    """Entry keys of a table."""
    return keys_of_texts(bridge.single(table, f.ENTRY_NUMBER).cast(pa.string()))[0]


def _recipients(names: pa.Array, words: Vocabularies) -> Int32s:
    """Codes of recipients; numbers are compared without dashes and case."""
    coded = names if pa.types.is_dictionary(names.type) else names.dictionary_encode()
    texts = pc.utf8_upper(pc.replace_substring_regex(coded.dictionary.cast(pa.string()), r"[\s\-]", ""))
    codes = np.append(words.of(c.REPORT_RECIPIENT).codes(texts), np.int32(NONE))
    found: Int32s = codes[bridge.filled(coded.indices.cast(pa.int32()), np.int32, len(codes) - 1)]
    return found


def _places(keys: pa.Array, known: pa.Array) -> Int64s:
    """Place of each key among the known ones, `NONE` where null or unknown."""
    if pa.types.is_dictionary(keys.type):
        inner = pc.fill_null(pc.index_in(keys.dictionary, value_set=known), NONE).to_numpy(zero_copy_only=False)
        index = bridge.filled(keys.indices.cast(pa.int32()), np.int32, NONE)
        places: Int64s = np.append(inner, NONE)[index].astype(np.int64)
        return places
    found = pc.index_in(keys.cast(pa.string()), value_set=known, skip_nulls=True)
    numbers: Int64s = pc.fill_null(found, NONE).to_numpy(zero_copy_only=False)
    return numbers.astype(np.int64)


def _last_of_each(key: Int64s) -> Int64s:
    """The last row of each key, in the order of the keys."""
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    last: Int64s = order[np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)[: len(ordered)])]
    return last


def _found(known: Int64s, wanted: Int64s) -> Int64s:
    """Place of each wanted key among ascending known ones, `NONE` where it is not there."""
    if not len(known):
        return np.full(len(wanted), NONE, np.int64)
    place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[place] == wanted, place, NONE)


def _at(values: npt.NDArray[np.integer], place: Int64s, nothing: int) -> Int64s:
    """Values at places, something else where there is no place."""
    found: Int64s = np.append(values.astype(np.int64), np.int64(nothing))[place]
    return found


def _deposits(facts: pa.Table, fact_key: Int64s, key: Int64s) -> tuple[Int64s, Int64s, Int32s]:
    """Slices of the principals of entries: place among the keys ascending, cents, day."""
    ascending = np.sort(key)
    days = bridge.single(facts, life.DEPOSIT_DATES)
    amounts = bridge.single(facts, life.DEPOSIT_AMOUNTS)
    counts = pc.fill_null(pc.list_value_length(days), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    place = _found(ascending, np.repeat(fact_key, counts))
    day = bridge.filled(days.flatten(), np.int32, NO_DAY)
    amount = bridge.filled(amounts.flatten(), np.int64, 0)
    keep = (place >= 0) & (day != NO_DAY)
    order = np.argsort(place[keep], kind="stable")
    return place[keep][order], amount[keep][order], day[keep][order]


def _sorted(entries: Entries) -> Entries:
    """The entries in ascending order of their keys; slices count in that order already."""
    if len(entries) < 2 or bool((np.diff(entries.key) > 0).all()):  # noqa: PLR2004 - two make an order
        return entries
    order = np.argsort(entries.key, kind="stable")
    names = [name for name in entries.__dataclass_fields__ if name != "slices"]
    return Entries(**{name: getattr(entries, name)[order] for name in names}, slices=entries.slices)
