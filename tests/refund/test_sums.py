"""Partial sums: stored and read again, sent to another process, and added up in any order, by any threads."""

from __future__ import annotations

import pickle
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine import refund
from cape_engine.bridge import readonly
from cape_engine.refund import accumulator as module
from cape_engine.refund.sums import Sums, summed
from cape_engine.settings import Settings
from cape_fixtures.consolidation_load import FIRST_DAY, Load, numbers
from cape_kernels import consolidation as kernels

SETTINGS = Settings.build(None, None)
WORDS = ["12-345678900", "98-765432100", "77-000000100", ""]
REFUNDS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 4), st.integers(1, 10**9), st.booleans()),
    max_size=30,
)


def sums_of(register: refund.Register, rows: list[tuple[int, int, int, int, bool]]) -> Sums:
    """Sums of (recipient, importer, day, principal, known) rows."""
    places = register.learn(WORDS)
    columns = [np.array([row[at] for row in rows], np.int64) for at in range(5)]
    known, paid = columns[4].astype(np.int8), np.ones(len(rows), np.int8)
    recipient, importer = places[columns[0]], places[columns[1]]
    day = (FIRST_DAY + columns[2]).astype(np.int32)
    return summed(kernels.Refunds(recipient, importer, day, columns[3], columns[3] // 7, known, paid), register)[0]


def consolidated(register: refund.Register, sums: list[Sums]) -> refund.Consolidated:
    """All of them together."""
    return refund.consolidate(sums, [], settings=SETTINGS, register=register)


@given(REFUNDS)
def test_sums__stored_and_sent(rows: list[tuple[int, int, int, int, bool]]) -> None:
    """A table and a pickle hold texts: read with any register, the refunds and payments are the same."""
    register, other = refund.Register(), refund.Register()
    other.learn(["99-111111100", *WORDS[::-1]])
    sums = sums_of(register, rows)
    table = sums.to_table()
    assert table.schema.equals(refund.SUMS_SCHEMA)
    expected = consolidated(register, [sums])
    for again in (Sums.from_table(table, other), pickle.loads(pickle.dumps(sums)), sums):  # noqa: S301 - our own bytes
        found = consolidated(other, [again])
        assert found.refunds.equals(expected.refunds)
        assert found.payments.equals(expected.payments)
    whole = refund.Accumulator(other, SETTINGS)
    whole.add(table)
    assert whole.finish().refunds.equals(expected.refunds)


@given(st.lists(REFUNDS, max_size=5))
def test_sums__together(parts: list[list[tuple[int, int, int, int, bool]]]) -> None:
    """Parts added up beforehand, one row for each recipient, importer and day, consolidate to what they do singly."""
    register = refund.Register()
    several = [sums_of(register, rows) for rows in parts]
    whole = Sums.together(several, register)
    keys = set(zip(whole.recipient.tolist(), whole.importer.tolist(), whole.day.tolist(), strict=True))
    assert len(keys) == len(whole)
    found, expected = consolidated(register, [whole]), consolidated(register, several)
    assert found.refunds.equals(expected.refunds)
    assert found.payments.equals(expected.payments)


def by_key(sums: Sums) -> dict[tuple[int, int, int], list[int]]:
    """Counts and cents by recipient, importer and day; no two rows have the same."""
    rows = dict(
        zip(
            zip(sums.recipient.tolist(), sums.importer.tolist(), sums.day.tolist(), strict=True),
            sums.sums[:, kernels.KEY + 1 :].tolist(),
            strict=True,
        )
    )
    assert len(rows) == len(sums)
    return rows


@given(st.lists(REFUNDS, max_size=4), st.lists(REFUNDS, max_size=3))
def test_sums__left(
    stay: list[list[tuple[int, int, int, int, bool]]], gone: list[list[tuple[int, int, int, int, bool]]]
) -> None:
    """Taken away from what they were added to, parts leave the sums of the others, and no row of nothing."""
    register, other = refund.Register(), refund.Register()
    other.learn(["99-111111100", *WORDS[::-1]])
    those, they = [sums_of(register, rows) for rows in stay], [sums_of(other, rows) for rows in gone]
    whole = [*those, *(part.of(register) for part in they)]
    left = Sums.left(whole[::-1], they, register)
    assert by_key(Sums.together([left], register)) == by_key(Sums.together(those, register))
    assert len(Sums.left(whole, whole, register)) == 0
    assert left.totals() == tuple(sum(part.totals()[at] for part in those) for at in range(3))


@pytest.mark.parametrize(
    "others",
    [
        [(0, 0, 0, 701, True)],  # more than there is
        [(0, 0, 1, 700, True)],  # another day
        [(0, 1, 0, 700, True)],  # another importer
        [(0, 0, 0, 699, True)],  # an entry is left for a cent, and none for it
        [(0, 0, 0, 700, False)],  # an entry whose interest is not known
        [(2, 2, 0, 13, True)],  # more than both entries have
        [(2, 2, 0, 1, True), (2, 2, 0, 1, True)],  # entries whose interest is known, of which there is one
    ],
)
def test_sums__left__never_added(others: list[tuple[int, int, int, int, bool]]) -> None:
    """What was never added cannot be taken away."""
    register = refund.Register()
    rows = [(0, 0, 0, 700, True), (1, 1, 0, 5, True), (2, 2, 0, 5, True), (2, 2, 0, 7, False)]
    whole = sums_of(register, rows)
    with pytest.raises(ValueError, match="not added"):
        Sums.left([whole], [sums_of(register, others)], register)


@pytest.mark.parametrize("rows", [1 << 20, 3])
@given(parts=st.lists(REFUNDS, max_size=4))
def test_accumulator__sums_taken_up_again(parts: list[list[tuple[int, int, int, int, bool]]], rows: int) -> None:
    """All sums so far, handed to another run, come to the same refunds; each recipient is in one piece of them."""
    register = refund.Register()
    first, second = refund.Accumulator(register, SETTINGS), refund.Accumulator(register, SETTINGS)
    for part in parts:
        first.add(sums_of(register, part))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BATCH_ROWS", rows)
        pieces = list(first.sums())
        assert by_key(Sums.together(pieces, register)) == by_key(
            Sums.together([sums_of(register, part) for part in parts], register)
        )
        held = [set(piece.recipient.tolist()) for piece in pieces]
        assert sum(map(len, held)) == len(set().union(*held))
        assert all(len(piece) <= rows + int(np.bincount(piece.recipient).max(initial=0)) for piece in pieces)
        for piece in pieces:
            second.add(piece)
        expected = first.finish()
        assert second.finish().refunds.equals(expected.refunds)
        assert by_key(Sums.together(list(first.sums()), register)) == by_key(Sums.together(pieces, register))


def test_sums__together__days_before_1970() -> None:
    """Whatever the days, each recipient, importer and day is one row."""
    register = refund.Register()
    places = register.learn(WORDS)
    who, days = np.tile(places[:3], 4), np.repeat(np.array([-2, -1, 0, 1], np.int64), 3)
    rows = np.stack([days << 32 | who, np.ones(12, np.int64), 100 + days, np.zeros(12, np.int64)], axis=1)
    part = Sums(register, readonly(who.astype(np.int32)), readonly(rows))
    whole = Sums.together([part, part], register)
    found = sorted(
        zip(whole.recipient.tolist(), whole.day.tolist(), whole.sums[:, kernels.PRINCIPAL].tolist(), strict=True)
    )
    assert found == sorted((int(place), day, 2 * (100 + day)) for place in places[:3] for day in (-2, -1, 0, 1))


@given(st.lists(REFUNDS, max_size=4), st.booleans())
def test_accumulator__refunds_are_their_sums(parts: list[list[tuple[int, int, int, int, bool]]], apart: bool) -> None:
    """Entries added one by one come to what their partial sums come to, also after the refunds were made once."""
    settings = Settings.build({"refund.consolidate_4811": "importer"} if apart else None)
    register = refund.Register()
    places = register.learn(WORDS)
    sums, single = refund.Accumulator(register, settings), refund.Accumulator(register, settings)
    for rows in parts:
        columns = [np.array([row[at] for row in rows], np.int64) for at in range(5)]
        known, paid = columns[4].astype(np.int8), np.ones(len(rows), np.int8)
        day = (FIRST_DAY + columns[2]).astype(np.int32)
        sums.add(sums_of(register, rows))
        cents = columns[3], columns[3] // 7
        single.add_refunds(kernels.Refunds(places[columns[0]], places[columns[1]], day, *cents, known, paid))
        for _ in range(2):
            found = single.finish()
            assert found.refunds.equals(sums.finish().refunds)
    fresh = refund.Accumulator(register, settings)
    for rows in parts:
        fresh.add(sums_of(register, rows))
    assert fresh.finish().refunds.equals(single.finish().refunds)


@pytest.mark.parametrize("rows", [1 << 20, 200])
def test_accumulator__finished_by_threads(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refunds, payments and findings are the same whether one thread or three make them, in one batch or in many."""
    monkeypatch.setattr(module, "BATCH_ROWS", rows)
    load = Load(2_500, 120, 9, seed=7, chunk=500)
    made = []
    for threads in (1, 3):
        register = refund.Register()
        places = register.learn(numbers(load.recipients))
        whole = refund.Accumulator(register, SETTINGS)
        for chunk in load.generate():
            who, yes = readonly(places[chunk.recipient]), np.ones(len(chunk.day), np.int8)
            cents = chunk.principal_cents, chunk.interest_cents
            whole.add_refunds(kernels.Refunds(who, who, chunk.day, *cents, yes, yes))
        made.append(whole.finish(threads=threads))
    one, several = made
    assert one.refunds.num_rows == load.cohorts
    assert several.refunds.equals(one.refunds)
    assert several.payments.equals(one.payments)
    assert several.findings.to_table().equals(one.findings.to_table())


@pytest.mark.parametrize(("rows", "waiting"), [(1 << 20, 8192), (300, 8)])
def test_accumulator__any_order_any_threads(rows: int, waiting: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A load with a known answer, added up by four threads in a random order, in small batches and in one."""
    monkeypatch.setattr(module, "BATCH_ROWS", rows)
    monkeypatch.setattr(kernels, "WAITING", waiting)
    load = Load(2_500, 120, 9, seed=5, chunk=200)
    register = refund.Register()
    places = register.learn(numbers(load.recipients))
    chunks = list(load.generate())
    random.Random(3).shuffle(chunks)
    whole = refund.Accumulator(register, SETTINGS)

    def add(chunk: object) -> None:
        who, yes = places[chunk.recipient], np.ones(len(chunk.day), np.int8)  # type: ignore[attr-defined]  # a Chunk
        refunds = kernels.Refunds(who, who, chunk.day, chunk.principal_cents, chunk.interest_cents, yes, yes)  # type: ignore[attr-defined]  # as above
        whole.add(summed(refunds, register)[0])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, chunks))
    found = whole.finish().refunds
    assert found.num_rows == load.cohorts
    number = {word: place for place, word in enumerate(numbers(load.recipients))}
    recipient = np.array([number[word] for word in found.column("recipient").to_pylist()])
    day = found.column("liquidation_date").cast("int32").to_numpy()
    assert np.array_equal(np.lexsort((day, recipient)), np.arange(len(day)))
    expected = load.expected(recipient, day)
    assert found.column("entries").to_pylist() == expected.entries.tolist()
    assert found.column("principal_cents").to_pylist() == expected.principal_cents.tolist()
    assert found.column("interest_cents").to_pylist() == expected.interest_cents.tolist()


def test_load__adds_up() -> None:
    """The entries of a load come to the totals that were given beforehand; another seed gives another load."""
    load = Load(5_000, 60, 7, seed=1, chunk=777)
    chunks = list(load.generate())
    recipient, day, principal, interest = (
        np.concatenate([getattr(chunk, name) for chunk in chunks])
        for name in ("recipient", "day", "principal_cents", "interest_cents")
    )
    assert len(recipient) == 5_000
    assert principal.min() > 0
    assert interest.min() >= 0
    pairs = sorted(set(zip(recipient.tolist(), day.tolist(), strict=True)))
    assert len(pairs) == load.cohorts
    whose, when = (np.array(column) for column in zip(*pairs, strict=True))
    expected = load.expected(whose, when.astype(np.int32))
    for place, (who, on) in enumerate(pairs):
        mine = (recipient == who) & (day == on)
        assert expected.entries[place] == mine.sum()
        assert expected.principal_cents[place] == principal[mine].sum()
        assert expected.interest_cents[place] == interest[mine].sum()
    other = next(iter(Load(5_000, 60, 7, seed=2, chunk=777).generate()))
    assert not np.array_equal(other.principal_cents, chunks[0].principal_cents)
    with pytest.raises(ValueError, match="at least one day"):
        Load(10, 11, 1, seed=1)
