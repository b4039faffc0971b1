"""Interest for late payment (19 USC 1505(d)): the edges of the 30-day periods, undeliverable days, and the twin."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine import refund, rules
from cape_engine.bridge import NO_DAY
from cape_engine.dates import day_number
from cape_engine.errors import UsageError
from cape_engine.refund.rates import KINDS
from reference.late import late

RULES = rules.load()
DAY = dt.timedelta(days=1)
LIQUIDATED = dt.date(2026, 5, 11)
CENTS = 10_703_594
"""$100,000 and the interest of golden case D01."""


def paid_after(days: int, undeliverable: tuple[tuple[int, int], ...] = (), kind: str = "corporate") -> int:
    """Late interest when payment comes so many days after the liquidation; undeliverable times likewise."""
    times = [(LIQUIDATED + first * DAY, LIQUIDATED + last * DAY) for first, last in undeliverable]
    return refund.late_interest(CENTS, LIQUIDATED, LIQUIDATED + days * DAY, kind, undeliverable=times, ruleset=RULES)


def interest_of(first: int, last: int, kind: str = "corporate") -> int:
    """Ordinary interest of the days after `first` up to `last`, counted from the liquidation."""
    return refund.interest(CENTS, LIQUIDATED + first * DAY, LIQUIDATED + last * DAY, kind, ruleset=RULES)


@pytest.mark.parametrize(
    ("days", "bearing"),
    [(-5, 0), (0, 0), (1, 0), (30, 0), (31, 30), (60, 30), (61, 60), (90, 60), (91, 90), (200, 180)],
)
def test_late_interest__whole_periods_before_that_of_payment(days: int, bearing: int) -> None:
    """Within 30 days nothing; from day 31 on the 30-day periods that are over, none for the one of payment."""
    assert paid_after(days) == interest_of(0, bearing)
    assert (paid_after(days) > 0) == (days > 30)


def test_late_interest__by_hand() -> None:
    """Thirty days at 5 % on 107,035.94, interest included: x ((1 + .05/365)^30 - 1) = 440.75."""
    assert paid_after(31) == 44_075
    assert paid_after(61, kind="noncorporate") > paid_after(61) > 2 * 44_075


def test_late_interest__none_while_it_cannot_be_delivered() -> None:
    """Days on which the ACH could not be delivered bear nothing; the periods are counted on (91 FR 21)."""
    assert paid_after(95, ((0, 64),)) == interest_of(64, 90)
    assert paid_after(95, ((-40, 94),)) == 0
    assert paid_after(95, ((91, 95),)) == interest_of(0, 90)
    assert paid_after(95, ((10, 20), (15, 40), (5, 3))) == late(
        CENTS, LIQUIDATED, LIQUIDATED + 95 * DAY, "corporate", [(LIQUIDATED + 10 * DAY, LIQUIDATED + 40 * DAY)]
    )


def test_late_interest__missing_rate() -> None:
    """A day without a rate is refused when it bears interest, and only then."""
    late_day = dt.date(2026, 12, 10)
    with pytest.raises(refund.MissingRateError):
        refund.late_interest(1, late_day, late_day + 31 * DAY, ruleset=RULES)
    closed = [(dt.date(2027, 1, 1), dt.date(2027, 2, 1))]
    found = refund.late_interest(CENTS, late_day, late_day + 31 * DAY, undeliverable=closed, ruleset=RULES)
    assert found == refund.interest(CENTS, late_day, dt.date(2026, 12, 31), ruleset=RULES)


def test_late_interest__wrong_words_are_refused() -> None:
    """A negative amount and an unknown kind are mistakes of the caller."""
    with pytest.raises(UsageError, match="not on -1 cents"):
        refund.late_interest(-1, LIQUIDATED, LIQUIDATED, ruleset=RULES)
    with pytest.raises(UsageError, match="not 'firm'"):
        refund.late_interest(1, LIQUIDATED, LIQUIDATED, "firm", ruleset=RULES)
    days = np.zeros(1, np.int32)
    with pytest.raises(UsageError, match="not on -2 cents"):
        refund.late_interest_of_many(np.array([-2]), days, days, np.zeros(1, np.int8), ruleset=RULES)


LIQUIDATIONS = st.dates(dt.date(2026, 3, 1), dt.date(2026, 12, 20))
TIMES = st.lists(st.tuples(st.integers(-20, 200), st.integers(-5, 60)), max_size=3)
LATE = st.lists(
    st.tuples(st.integers(0, 10**12), LIQUIDATIONS, st.integers(-10, 200), st.sampled_from(KINDS), TIMES),
    min_size=1,
    max_size=6,
)


@given(LATE)
def test_late_interest__equals_the_twin(rows: list[tuple[int, dt.date, int, str, list[tuple[int, int]]]]) -> None:
    """One by one and all at once, with any undeliverable times, the figure is that of the day-by-day computation."""
    refunds = [
        (cents, day, day + after * DAY, kind, [(day + a * DAY, day + (a + n) * DAY) for a, n in times])
        for cents, day, after, kind, times in rows
    ]
    expected = [late(*one) for one in refunds]
    closed = [(row, first, last) for row, one in enumerate(refunds) for first, last in one[4]]
    found = refund.late_interest_of_many(
        np.array([one[0] for one in refunds]),
        np.array([day_number(one[1]) for one in refunds], np.int32),
        np.array([day_number(one[2]) for one in refunds], np.int32),
        np.array([KINDS.index(one[3]) for one in refunds], np.int8),
        undeliverable=refund.Undeliverable(
            np.array([row for row, _, _ in closed], np.int64),
            np.array([day_number(first) for _, first, _ in closed], np.int32),
            np.array([day_number(last) for _, _, last in closed], np.int32),
        ),
        ruleset=RULES,
    )
    assert found.tolist() == [value if one[0] else max(value, 0) for one, value in zip(refunds, expected, strict=True)]
    for one, value in zip(refunds, expected, strict=True):
        if value >= 0:
            told = refund.late_interest(*one[:4], undeliverable=one[4], ruleset=RULES)
            assert told == value


def test_late_interest_of_many__unknown_days() -> None:
    """A refund whose liquidation or payment day is not known is left open."""
    days = np.array([day_number(LIQUIDATED), NO_DAY, day_number(LIQUIDATED)], np.int32)
    paid = np.array([day_number(LIQUIDATED) + 31, day_number(LIQUIDATED), NO_DAY], np.int32)
    found = refund.late_interest_of_many(np.full(3, CENTS), days, paid, np.zeros(3, np.int8), ruleset=RULES)
    assert found.tolist() == [44_075, -1, -1]
