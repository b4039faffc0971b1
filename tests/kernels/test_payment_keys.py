"""Keys of payments by kernel equal hashlib's, for any party, day, part and length of text."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine.dates import day_number
from cape_engine.refund import Register, key_of, payment_key
from cape_engine.refund.keys import key_texts, payment_keys

pytestmark = pytest.mark.kernel

WORDS = st.one_of(
    st.from_regex(r"[0-9]{2}-[0-9]{7}[0-9A-Z]{2}", fullmatch=True),
    st.text(max_size=70),
    st.text("ABCé", min_size=50, max_size=130),
)
DAYS = st.dates(dt.date(1999, 1, 1), dt.date(2031, 12, 31))
WANTED = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), DAYS, st.integers(1, 2**31 - 1)), max_size=40)


@pytest.mark.parametrize("apart", [True, False])
@given(st.lists(WORDS, min_size=6, max_size=6), WANTED)
def test_payment_keys__equals_hashlib(
    apart: bool, words: list[str], wanted: list[tuple[int, int, dt.date, int]]
) -> None:
    """Every key is that of `payment_key`, whatever stands in the lanes beside it, in one block or in several."""
    register = Register()
    places = register.learn(words)
    recipient = np.array([places[row[0]] for row in wanted], np.int32)
    importer = np.array([places[row[1]] for row in wanted], np.int32)
    days = np.array([day_number(row[2]) for row in wanted], np.int32)
    parts = np.array([row[3] for row in wanted], np.int32)
    keys = payment_keys(register, recipient, days, parts, importer if apart else None)
    expected = [
        payment_key(key_of(words[one]), day_number(day), part, key_of(words[other]) if apart else None)
        for one, other, day, part in wanted
    ]
    assert key_texts(keys).to_pylist() == expected


@pytest.mark.parametrize("length", range(37, 43))
def test_payment_keys__edge_of_a_block(length: int) -> None:
    """Texts of 53 to 58 letters: the length no longer fits behind 56, and a second block begins."""
    register = Register()
    key = "7" * length
    day = day_number(dt.date(2026, 6, 15))
    places = register.learn([key] * 40)
    keys = payment_keys(register, places, np.full(40, day, np.int32), np.arange(1, 41, dtype=np.int32))
    assert key_texts(keys).to_pylist() == [payment_key(key, day, part) for part in range(1, 41)]


def test_key_texts__rows_and_nulls() -> None:
    """A column takes any key for any row, and is null where nothing is paid."""
    register = Register()
    days = np.array([20_600, 20_601], np.int32)
    keys = payment_keys(register, register.learn(["12-1", "12-2"]), days, np.ones(2, np.int32))
    row, given_ = np.array([1, -1, 0, 1], np.int32), np.array([True, False, True, True])
    one, other = payment_key("121", 20_600, 1), payment_key("122", 20_601, 1)
    assert key_texts(keys, row, given_).to_pylist() == [other, None, one, other]
