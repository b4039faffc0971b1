"""Interest by every named convention, to find the one that gives the figure of a report; tried one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cape_engine.bridge import NO_DAY, Bools, Int8s, Int32s, Int64s, readonly
from cape_engine.refund import conventions
from cape_engine.refund.reconciliation.rows import NONE
from cape_engine.rules import Ruleset

Places = npt.NDArray[np.int64]
EXACT = "exact"
"""The engine's own convention."""


@dataclass(frozen=True, slots=True)
class Days:
    """What the interest of entries runs between.

    Attributes:
        start: int32[n], deposit day.
        end: int32[n], (re)liquidation day; of the report, where it gives one.
        entered: int32[n], entry date.
        paid: int32[n], day of payment.
    """

    start: Int32s
    end: Int32s
    entered: Int32s
    paid: Int32s


class Fits:
    """Finds conventions; knows kind and deposits of every entry.

    Args:
        principal, interest: int64[n], cents that we expect.
        days: of the entries; `end` may be another day than ours.
        own_end: int32[n], our own (re)liquidation day.
        slices: (entry, cents, day) of the deposits, ascending by entry; None where they are not known.
        ruleset: the rates.
    """

    def __init__(
        self,
        principal: Int64s,
        interest: Int64s,
        days: Days,
        own_end: Int32s,
        slices: tuple[Int64s, Int64s, Int32s] | None,
        ruleset: Ruleset,
    ) -> None:
        self._principal = principal
        self._interest = interest
        self._days = days
        self._own_end = own_end
        self._ruleset = ruleset
        self._slices = slices
        size = len(principal)
        counts = np.ones(size, np.int64) if slices is None else np.bincount(slices[0], minlength=size)
        self._several = counts > 1
        self._first = np.zeros(size + 1, np.int64)
        np.cumsum(counts, out=self._first[1:])
        self._kind = np.full(size, NONE, np.int8)
        self._asked = np.zeros(size, np.bool_)

    def unknown(self, places: Places) -> Bools:
        """Entries whose own interest cannot be computed again, so that no convention can be told."""
        self._know(places)
        lost: Bools = self._kind[places] < 0
        return lost

    def _know(self, places: Places) -> None:
        """Find the importer kind: the one whose rates give our own interest."""
        fresh = places[~self._asked[places]]
        self._asked[fresh] = True
        for kind in range(2):
            rest = fresh[self._kind[fresh] < 0]
            found = self._by(EXACT, rest, self._principal[rest], np.full(len(rest), kind, np.int8), self._own_end[rest])
            self._kind[rest[found == self._interest[rest]]] = kind
        nothing = fresh[(self._kind[fresh] < 0) & (self._principal[fresh] == 0)]
        self._kind[nothing] = 0

    def fit(self, places: Places, principal: Int64s, figure: Int64s, names: Sequence[str]) -> npt.NDArray[np.int16]:
        """The first convention that gives each figure of interest, its place in `names`, or -1.

        Args:
            places: entries.
            principal: int64[k], cents that the interest runs on.
            figure: int64[k], interest as reported.
            names: conventions, in order.
        """
        self._know(places)
        found = np.full(len(places), NONE, np.int16)
        open_ = np.flatnonzero((self._kind[places] >= 0) & (figure >= 0) & (principal >= 0))
        for number, name in enumerate(names):
            if not len(open_):
                break
            chosen = places[open_]
            values = self._by(name, chosen, principal[open_], self._kind[chosen], self._days.end[chosen])
            hit = values == figure[open_]
            found[open_[hit]] = number
            open_ = open_[~hit]
        return found

    def _by(self, name: str, places: Places, principal: Int64s, kind: Int8s, end: Int32s) -> Int64s:
        """Interest by one convention; -1 where it cannot be computed."""
        if not len(places):
            return np.empty(0, np.int64)
        found = self._plain(name, places, principal, kind, end, self._days.start[places])
        several = np.flatnonzero(self._several[places])
        if len(several):
            found[several] = NONE
            whole = several[principal[several] == self._principal[places[several]]]
            if len(whole):
                found[whole] = self._summed(name, places[whole], kind[whole], end[whole])
        return found

    def _plain(self, name: str, places: Places, principal: Int64s, kind: Int8s, end: Int32s, start: Int32s) -> Int64s:
        """Interest of amounts with one deposit each."""
        return conventions.interest(
            readonly(principal),
            readonly(start),
            readonly(end),
            readonly(kind),
            ruleset=self._ruleset,
            names=[name],
            entry_day=readonly(self._days.entered[places]),
            payment_day=readonly(self._days.paid[places]),
        )[name]

    def _summed(self, name: str, places: Places, kind: Int8s, end: Int32s) -> Int64s:
        """Interest of entries with several deposits: each from its own day, rounded, then added."""
        assert self._slices is not None  # noqa: S101 - several deposits are known only from them
        counts = self._first[places + 1] - self._first[places]
        starts = np.cumsum(counts) - counts
        rows = np.repeat(self._first[places] - starts, counts) + np.arange(counts.sum())
        of = np.repeat(np.arange(len(places)), counts)
        _entry, cents, day = self._slices
        values = self._plain(name, places[of], cents[rows], kind[of], end[of], day[rows])
        sums = np.add.reduceat(np.maximum(values, 0), starts)
        lost = np.add.reduceat((values < 0).astype(np.int64), starts) > 0
        return np.where(lost, NONE, sums)


def names_of(cause: str | None = None) -> list[str]:
    """Conventions in the order in which they are tried: those of one cause, or all with the engine's own first."""
    known = conventions.catalogue()
    return [name for name, one in known.items() if cause is None or one.cause == cause]


def no_days(size: int) -> Int32s:
    """Days of which none is known."""
    return np.full(size, NO_DAY, np.int32)
