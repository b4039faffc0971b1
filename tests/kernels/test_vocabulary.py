"""Codes of words: which are in use, and their codes in another order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_kernels.vocabulary import mark_used, recode

pytestmark = pytest.mark.kernel

WORDS = 9


@given(st.lists(st.integers(-2, WORDS - 1), max_size=40), st.permutations(range(WORDS)))
def test_recode__as_a_dictionary(codes: list[int], ranks: list[int]) -> None:
    """Words in use are marked, rows without a word mark the place behind; codes are changed one by one."""
    given_codes, used = np.array(codes, np.int32), np.zeros(WORDS + 1, np.uint8)
    mark_used(given_codes, used)
    assert {place for place, mark in enumerate(used) if mark} == {code if code >= 0 else WORDS for code in codes}
    recoded = np.empty(len(codes), np.int32)
    recode(given_codes, np.array(ranks, np.int32), recoded)
    assert recoded.tolist() == [ranks[code] if code >= 0 else 0 for code in codes]
