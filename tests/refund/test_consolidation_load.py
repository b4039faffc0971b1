"""A load of entry refunds: its closed answer is what its entries add up to, row by row."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_fixtures.consolidation_load import Load

Cohort = tuple[int, int, bool]


@st.composite
def loads(draw: st.DrawFn) -> Load:
    """Small loads of every shape."""
    recipients, days = draw(st.integers(1, 40)), draw(st.integers(1, 12))
    return Load(
        recipients + draw(st.integers(0, 600)),
        recipients,
        days,
        draw(st.integers(0, 99)),
        chunk=draw(st.integers(20, 300)),
        skew=draw(st.sampled_from([0.0, 0.7, 1.1, 2.5])),
        parties=draw(st.integers(0, 3)),
        late=draw(st.integers(0, days)),
    )


def added(load: Load, *, by_importer: bool) -> dict[Cohort, list[int]]:
    """Entries, principal and interest by recipient (or importer), day and lateness, one entry after the other."""
    sums: dict[Cohort, list[int]] = defaultdict(lambda: [0, 0, 0])
    for chunk in load.generate():
        who = chunk.importer if by_importer else chunk.recipient
        columns = (who, chunk.day, chunk.late, chunk.principal_cents, chunk.interest_cents)
        for number, day, late, principal, interest in zip(*(column.tolist() for column in columns), strict=True):
            assert principal > 0
            assert interest >= 0
            row = sums[number, day, late]
            row[0] += 1
            row[1] += principal
            row[2] += interest
    return sums


@given(loads())
def test_load__answer_is_what_entries_add_up_to(load: Load) -> None:
    """Recipients and importers, late or in time: the closed formulas give the sums of the entries, and no others."""
    cohorts = added(load, by_importer=False)
    assert len(cohorts) == load.cohorts
    assert sum(row[0] for row in cohorts.values()) == load.entries
    for sums, answer in ((cohorts, load.expected), (added(load, by_importer=True), load.of_importer)):
        for late in (False, True):
            numbers = load.numbers if sums is cohorts else load.recipients
            keys = [(who, 20_600 + day) for who in range(numbers) for day in range(load.days)]
            found = answer(np.array([who for who, _ in keys]), np.array([day for _, day in keys], np.int32), late=late)
            columns = (found.entries, found.principal_cents, found.interest_cents)
            rows = zip(keys, zip(*(column.tolist() for column in columns), strict=True), strict=True)
            met = {(*key, late): list(row) for key, row in rows if row[0]}
            assert met == {key: row for key, row in sums.items() if key[2] == late}
            assert not any(sum(column[found.entries == 0]) for column in columns)
    shared = {(who, *rest) for (who, *rest) in added(load, by_importer=True) if load.paid_to[who] >= load.recipients}
    assert len(shared) == load.subtotals


@pytest.mark.parametrize("wrong", [{"skew": -0.1}, {"skew": 9.0}, {"parties": -1}, {"late": 6}])
def test_load__sizes_that_make_none(wrong: dict[str, float]) -> None:
    """Skew, parties and late days outside their range are refused."""
    with pytest.raises(ValueError, match="load"):
        Load(100, 10, 5, 1, **wrong)  # type: ignore[arg-type]
