"""Who is picked for review: by flag, by amount, by a sample that depends on the entry and the seed only."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from cape_engine.liquidation import review
from cape_engine.schema.codes import REVIEW_RULES, Flag
from cape_engine.settings import Settings
from reference import liquidation as twin

numbers = st.lists(st.text("ABCXYZ0123456789", max_size=12), max_size=30)


def picked(flags: list[int], principal: list[int], settings: dict[str, object] | None = None) -> list[bool]:
    """Whether entries with these flags and principals are picked."""
    names = pa.array([f"ABC{place:08d}" for place in range(len(flags))])
    chosen = review.picked(names, np.array(flags, np.uint32), np.array(principal, np.int64), Settings.build(settings))
    return list(chosen.tolist())


def test_picked__by_each_rule() -> None:
    """Every word of schedule.review_rules picks its flags, and only while it is listed."""
    for rule, flag in REVIEW_RULES.items():
        for one in flag:
            assert picked([one], [0]) == [True], rule
            others = [word for word in REVIEW_RULES if word != rule]
            assert picked([one], [0], {"schedule.review_rules": others}) == [False], rule


def test_picked__other_flags_pick_nobody() -> None:
    """A flag that is only a note picks nobody."""
    assert picked([Flag.COLUMN1_RESTORED | Flag.CHAPTER_98 | Flag.OUTSIDE_OWN_DATES], [10**12]) == [False]


def test_picked__bundled_duty_as_a_note() -> None:
    """mass.bundled_duty = flag keeps the flag and picks nobody."""
    assert picked([Flag.BUNDLED_DUTY], [0], {"mass.bundled_duty": "flag"}) == [False]
    assert picked([Flag.BUNDLED_DUTY | Flag.BILL_FLAG], [0], {"mass.bundled_duty": "flag"}) == [True]


def test_picked__by_amount() -> None:
    """The threshold is the first amount that is picked; without one no amount is."""
    assert picked([0, 0], [99_999, 100_000], {"schedule.review_amount_cents": 100_000}) == [False, True]
    assert picked([0], [10**15]) == [False]


@given(names=numbers, per=st.integers(0, 12_000), seed=st.integers(0, 2**63))
def test_sampled__equals_the_twin(names: list[str], per: int, seed: int) -> None:
    """The vectorised hash picks exactly whom the twin picks."""
    chosen = review.sampled(pa.array(names, pa.string()), per, seed).tolist()
    assert chosen == [twin.sampled(name, per, seed) for name in names]


def test_sampled__does_not_depend_on_order_or_slices() -> None:
    """Each entry is picked or not by its own number, wherever it stands."""
    names = pa.array([f"XYZ{place:08d}" for place in range(5_000)])
    whole = review.sampled(names, 500, 7)
    turned = names.take(pa.array(range(4_999, -1, -1)))
    assert review.sampled(turned, 500, 7).tolist() == whole[::-1].tolist()
    assert review.sampled(names.slice(1_234, 700), 500, 7).tolist() == whole[1_234:1_934].tolist()


def test_sampled__takes_about_its_share() -> None:
    """500 in 10,000 picks about 5 %, another seed picks others, and 10,000 picks all."""
    names = pa.array([f"XYZ{place:08d}" for place in range(20_000)])
    one, other = review.sampled(names, 500, 1), review.sampled(names, 500, 2)
    assert 850 < one.sum() < 1_150
    assert (one & other).sum() < 150
    assert review.sampled(names, 10_000, 1).all()
