"""Interest of many amounts at once, exact to the cent: by the kernels, and from fractions next to a rounding edge."""

from __future__ import annotations

import numpy as np

from cape_engine.bridge import Bools, Int8s, Int32s, Int64s, readonly
from cape_engine.dates import date_of
from cape_engine.refund.amounts import exact_interest
from cape_engine.refund.deposits import Slices
from cape_engine.refund.rates import CORPORATE, LARGE, LARGE_ABOVE_CENTS, SLACK, RateTable, half_up, quarter_bounds
from cape_kernels import interest as kernels


def interest_of_slices(
    parts: Slices, kind: Int8s, liquidation_day: Int32s, table: RateTable, rounding: str
) -> tuple[Int64s, Bools]:
    """Interest of each slice, and whether every day of its period has a rate.

    Args:
        parts: slices of principals.
        kind: int8[entries], place in `rates.KINDS`.
        liquidation_day: int32[entries], day that ends the interest.
        table: the rates; with rates of `rates.LARGE`, what a corporation is owed above $10,000 bears those.
        rounding: `refund.interest_rounding`.
    """
    end, slice_kind = liquidation_day[parts.entry], readonly(kind[parts.entry])
    upper = above_limit(parts.entry, parts.amount_cents, parts.day, slice_kind) if table.large else None
    return priced(parts.amount_cents, upper, parts.day, end, slice_kind, table, rounding)


def priced(
    amount_cents: Int64s,
    upper: Int64s | None,
    start: Int32s,
    end: Int32s,
    kind: Int8s,
    table: RateTable,
    rounding: str = "final",
) -> tuple[Int64s, Bools]:
    """Interest of many amounts in either rounding, and whether every day of each has a rate.

    Args:
        amount_cents: int64[n], at least 0.
        upper: int64[n], the part of each that bears the rates of `rates.LARGE`; None for none at all.
        start: int32[n], day of the deposit, not counted.
        end: int32[n], day of the liquidation, counted.
        kind: int8[n], place in `rates.KINDS`.
        table: the rates.
        rounding: final, per_quarter (factors of nine decimals) or per_quarter_cents (see `rounded_by_quarter`).
    """
    if upper is not None and upper.any():
        interest, status = priced_in_baskets(amount_cents - upper, upper, start, end, kind, table)
    else:
        interest, status = priced_amounts(amount_cents, start, end, kind, table)
        upper = None
    known = status != kernels.RATE_MISSING
    if rounding != "final" and known.any():
        printed, stop = rounding == "per_quarter", readonly(np.where(known, end, start))
        lower = amount_cents if upper is None else amount_cents - upper
        interest = rounded_by_quarter(lower, start, stop, kind, table, printed=printed)
        if upper is not None:
            large = readonly(np.full(len(kind), LARGE, np.int8))
            interest += rounded_by_quarter(upper, start, stop, large, table, printed=printed)
    return interest, known


def above_limit(entry: Int64s, amount_cents: Int64s, day: Int32s, kind: Int8s) -> Int64s:
    """What of each slice is owed to a corporation above $10,000 of its entry (26 USC 6621(a)(1), last sentence).

    An overpayment builds up deposit by deposit: the first $10,000 are those deposited first (inferred).

    Args:
        entry: int64[n], row of the entry of each slice, ascending.
        amount_cents: int64[n], part of its principal.
        day: int32[n], day of the deposit.
        kind: int8[n], place in `rates.KINDS` for each slice.

    Returns:
        int64[n] cents; 0 for anybody but a corporation.
    """
    order = np.lexsort((day, entry))
    entry, amount = entry[order], amount_cents[order]
    before = np.cumsum(amount) - amount
    begins = np.flatnonzero(np.r_[True, entry[1:] != entry[:-1]]) if len(entry) else np.zeros(0, np.int64)
    before -= np.repeat(before[begins], np.diff(np.r_[begins, len(entry)]))
    upper = np.zeros(len(entry), np.int64)
    upper[order] = amount - np.clip(LARGE_ABOVE_CENTS - before, 0, amount)
    upper[kind != CORPORATE] = 0
    return readonly(upper)


def priced_in_baskets(
    lower: Int64s, upper: Int64s, start: Int32s, end: Int32s, kind: Int8s, table: RateTable
) -> tuple[Int64s, np.ndarray[tuple[int], np.dtype[np.int8]]]:
    """Interest of amounts whose upper part bears the rates of `rates.LARGE`, rounded once for both.

    Args and result are those of `priced_amounts`, with the amount in two parts.
    """
    lower, upper, kind = readonly(lower), readonly(upper), readonly(kind)
    first, last = readonly(start), readonly(end)
    large = readonly(np.full(len(kind), LARGE, np.int8))
    pair, status = _pairs(lower, first, last, kind, table)
    upper_pair, upper_status = _pairs(upper, first, last, large, table)
    status = np.maximum(status, upper_status)
    interest = np.zeros(len(lower), np.int64)
    if table.fits:
        high, low, place = table.growth_of(np.concatenate([pair, upper_pair]))
        first_place, second_place = readonly(place[: len(pair)]), readonly(place[len(pair) :])
        kernels.apply_two_growths(
            lower, first_place, upper, second_place, high, low, np.uint64(SLACK), interest, status
        )
    else:
        status[status == kernels.PRICED] = kernels.TOO_CLOSE
    for row in np.flatnonzero(status == kernels.TOO_CLOSE).tolist():
        days = int(first[row]), int(last[row])
        grown = int(lower[row]) * (table.growth(int(kind[row]), *days) - 1)
        interest[row] = half_up(grown + int(upper[row]) * (table.growth(LARGE, *days) - 1))
        status[row] = kernels.PRICED
    interest[status == kernels.RATE_MISSING] = 0
    return interest, status


def rounded_by_quarter(
    amount_cents: Int64s, start: Int32s, end: Int32s, kind: Int8s, table: RateTable, *, printed: bool = True
) -> Int64s:
    """Interest rounded at the end of every quarter and carried on (`refund.interest_rounding` = per_quarter).

    The growth of the days in a quarter is rounded to nine decimals first, as the published factor tables print it; so
    came the second figures of the worked cases about (1175.73 for G05, 7135690.84 for D14).

    Args:
        amount_cents: int64[n], at least 0.
        start: int32[n], day of the deposit, not counted.
        end: int32[n], day of the liquidation, counted; every day between has a rate.
        kind: int8[n], place in `rates.KINDS`.
        table: the rates.
        printed: the growth of a quarter is rounded to nine decimals; else only the balance is rounded, to cents.
    """
    balance = amount_cents.copy()
    if not len(balance):
        return balance
    first, last = date_of(int(start.min()) + 1), date_of(int(end.max()))
    for quarter in range(first.year * 4 + (first.month - 1) // 3, last.year * 4 + (last.month - 1) // 3 + 1):
        begins, ends = quarter_bounds(quarter // 4, quarter % 4 + 1)
        opens = readonly(np.clip(start, begins - 1, ends).astype(np.int32))
        stops = readonly(np.clip(end, begins - 1, ends).astype(np.int32))
        opening = readonly(balance.copy())
        if printed:
            pair, _ = _pairs(opening, opens, stops, kind, table)
            interest = np.empty(len(balance), np.int64)
            kernels.apply_factors(opening, pair, table.factors_of(pair), interest)
        else:
            interest, _ = priced_amounts(opening, opens, stops, kind, table)
        balance += interest
    return balance - amount_cents


def _pairs(amount_cents: Int64s, start: Int32s, end: Int32s, kind: Int8s, table: RateTable) -> tuple[Int64s, Int8s]:
    """Place in the growth table and status of each amount."""
    pair, status = np.empty(len(amount_cents), np.int64), np.empty(len(amount_cents), np.int8)
    kernels.find_pairs(start, end, kind, amount_cents, table.origin, table.gaps, pair, status)
    return readonly(pair), status


def priced_amounts(
    amount_cents: Int64s, start: Int32s, end: Int32s, kind: Int8s, table: RateTable
) -> tuple[Int64s, Int8s]:
    """Interest of many amounts, exact to the cent.

    The kernel says where its product lies too close to a half cent to be rounded with certainty; these few are computed
    again from fractions (Ziv's test).

    Args:
        amount_cents: int64[n], at least 0.
        start: int32[n], day of the deposit, not counted.
        end: int32[n], day of the liquidation, counted.
        kind: int8[n], place in `rates.KINDS`.
        table: the rates.

    Returns:
        Cents (int64[n]) and the status of each (`cape_kernels.interest`).
    """
    amount, first, last, kind = readonly(amount_cents), readonly(start), readonly(end), readonly(kind)
    pair, status = _pairs(amount, first, last, kind, table)
    interest = np.zeros(len(amount), np.int64)
    if table.fits:
        high, low, place = table.growth_of(pair)
        kernels.apply_growth(amount, place, high, low, np.uint64(SLACK), interest, status)
    else:
        status[status == kernels.PRICED] = kernels.TOO_CLOSE
    for row in np.flatnonzero(status == kernels.TOO_CLOSE).tolist():
        interest[row] = exact_interest(int(amount[row]), table, int(kind[row]), int(first[row]), int(last[row]))
        status[row] = kernels.PRICED
    return interest, status
