"""The one cause of every deposit: that of the refund it pays, shared out so that deposits and refunds tie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cape_engine.bridge import Bools, Int64s
from cape_engine.refund.reconciliation.case import Verdicts
from cape_engine.refund.reconciliation.cohort_causes import Sides
from cape_engine.refund.reconciliation.linking import AMBIGUOUS, Links
from cape_engine.refund.reconciliation.rows import NONE
from cape_engine.rules.rows import CauseCode


@dataclass(frozen=True, slots=True)
class Deposits:
    """What the deposits come to.

    Attributes:
        verdicts: cause, explained and detail of each; `paid` is the deposit.
        expected: int64[lines], cents of our refunds that each should be.
    """

    verdicts: Verdicts
    expected: Int64s


def bank_causes(amount: Int64s, links: Links, sides: Sides, cohorts: Verdicts, causes: Sequence[CauseCode]) -> Deposits:
    """The cause of every deposit.

    A refund with one deposit hands on its cause and cents. Of several deposits that come to less or more than the
    refund, the last one carries the difference.

    Args:
        amount: int64[lines], cents.
        links: what each deposit pays.
        sides: what is known of the refunds.
        cohorts: their causes.
        causes: in order.
    """
    codes = {one.cause: number for number, one in enumerate(causes)}
    verdicts = Verdicts.open(amount)
    every = np.arange(len(amount))
    verdicts.give(every, codes["UNKNOWN_IN_REPORT"])
    unclear = np.flatnonzero(links.how == AMBIGUOUS)
    verdicts.give(unclear, codes["UNEXPLAINED"], 0, "ambiguous: several refunds fit")
    expected = np.zeros(len(amount), np.int64)
    back = links.line[links.came_back]
    verdicts.give(back, codes["RETURNED"], amount[back], "this payment came back")
    good = (links.cohort >= 0) & ~links.came_back
    line, cohort, share = links.line[good], links.cohort[good], links.share[good]
    order = np.lexsort((line, cohort))
    line, cohort, share = line[order], cohort[order], share[order]
    last = np.append(cohort[1:] != cohort[:-1], True)[: len(cohort)]
    first = np.append(True, cohort[1:] != cohort[:-1])[: len(cohort)]
    starts = np.flatnonzero(first)
    group = np.cumsum(first) - 1
    total = np.add.reduceat(share, starts) if len(starts) else share
    difference = (total - sides.expected[cohort[starts]])[group]
    wanted = share - np.where(last, difference, 0)
    np.add.at(expected, line, wanted)
    explained = np.zeros(len(amount), np.int64)
    np.add.at(explained, line, np.where(last, cohorts.explained[cohort], 0))
    # A deposit of several refunds is named after the one that differs; if none does, it is a sum.
    rank = np.where(np.where(last, difference, 0) != 0, 0, 1) * len(causes) + cohorts.cause[cohort]
    best = np.full(len(amount), NONE, np.int64)
    by = np.lexsort((rank, line))
    head = np.append(True, line[by][1:] != line[by][:-1])[: len(line)]
    best[line[by][head]] = cohorts.cause[cohort[by][head]]
    tied = np.flatnonzero(best >= 0)
    verdicts.cause[tied] = best[tied]
    verdicts.explained[tied] = explained[tied]
    counts = np.bincount(line, minlength=len(amount))
    even = amount == expected
    sums = np.flatnonzero((counts > 1) & even)
    verdicts.give(sums, codes["SPLIT_PAYMENT"], 0, "sum of several refunds")
    rolled = np.flatnonzero((best >= 0) & (counts == 1) & even & (_differ(line, difference, last, len(amount))))
    verdicts.detail[rolled] = verdicts.details.code("the last deposit of the refund carries the difference")
    return Deposits(verdicts, expected)


def _differ(line: Int64s, difference: Int64s, last: Bools, size: int) -> Bools:
    """Deposits whose refund differs, though they do not carry the difference."""
    found = np.zeros(size, np.bool_)
    found[line[(difference != 0) & ~last]] = True
    return found
