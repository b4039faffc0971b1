"""Pricing a partition: kinds, deposits, missing rates, small sums, and the findings counted on the way."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine import refund, rules
from cape_engine.bridge import NO_DAY
from cape_engine.refund.tally import together
from cape_engine.schema.codes import Flag
from cape_engine.schema.column import arrow_schema
from cape_engine.schema.facts import DEPOSITS_FILE, IMPORTERS_FILE
from cape_engine.schema.rows import STORE_ENTRIES_SCHEMA
from cape_engine.settings import Settings
from reference import interest as twin
from reference.refund import consumed, day_numbers, table

RULES = rules.load()
START, END = dt.date(2025, 3, 14), dt.date(2026, 5, 8)
IMPORTER = "12-345678900"


def entry(**facts: Any) -> dict[str, Any]:
    """An entry with a known importer of known kind and deposit day, unless told otherwise."""
    return {
        "entry_number": "ABC12345676",
        "importer_number": IMPORTER,
        "importer_kind": "corporate",
        "deposit_date": START,
        **facts,
    }


def price(
    entries: Sequence[Mapping[str, Any]],
    principal: int | Sequence[int] = 10_000_000,
    *,
    day: dt.date | None = END,
    payable: bool | Sequence[bool] = True,
    deposits: Sequence[Mapping[str, Any]] | None = None,
    importers: Sequence[Mapping[str, Any]] | None = None,
    **settings: object,
) -> refund.Priced:
    """Price plain rows."""
    count = len(entries)
    return refund.price(
        table(STORE_ENTRIES_SCHEMA, entries),
        principal_cents=np.full(count, principal, np.int64) if isinstance(principal, int) else np.array(principal),
        payable=np.full(count, payable) if isinstance(payable, bool) else np.array(payable),
        liquidation_day=day_numbers([day] * count),
        ruleset=RULES,
        settings=Settings.build({f"refund.{name}": value for name, value in settings.items()}),
        importers=None if importers is None else table(arrow_schema(IMPORTERS_FILE), importers),
        deposits=None if deposits is None else table(arrow_schema(DEPOSITS_FILE), deposits),
    )


def codes_of(priced: refund.Priced) -> list[str]:
    """Codes of the findings of one partition."""
    return [finding.code for finding in priced.tally.findings().rows]


def messages_of(priced: refund.Priced) -> list[str]:
    """Messages of the findings of one partition."""
    return [finding.message for finding in priced.tally.findings().rows]


def test_price__golden_d01_and_d02() -> None:
    """100,000.00 over 420 days is 7,035.94 for a corporation and 8,274.48 for anybody else."""
    priced = price([entry(), entry(importer_kind="noncorporate")])
    assert priced.interest_cents.tolist() == [703594, 827448]
    assert priced.interest_known.all()
    assert priced.interest_from.tolist() == day_numbers([START] * 2).tolist()
    assert priced.interest_to.tolist() == day_numbers([END] * 2).tolist()
    assert codes_of(priced) == []


def test_price__per_quarter() -> None:
    """`refund.interest_rounding` = per_quarter gives the other figures of the worked cases."""
    rounded = price([entry()], interest_rounding="per_quarter").interest_cents
    large = price(
        [entry(deposit_date=dt.date(2025, 4, 9))],
        9_999_999_999,
        day=dt.date(2026, 6, 15),
        interest_rounding="per_quarter",
    ).interest_cents
    assert (rounded[0], large[0]) == (703595, 713569084)


AMOUNTS = st.lists(
    st.tuples(
        st.integers(1, 10**12),
        st.dates(dt.date(2024, 9, 30), dt.date(2026, 12, 31)),
        st.sampled_from(["corporate", "noncorporate"]),
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.parametrize("rounding", ["final", "per_quarter"])
@given(AMOUNTS)
def test_price__equals_the_twin(rounding: str, rows: list[tuple[int, dt.date, str]]) -> None:
    """A partition of any amounts, days and kinds equals the day-by-day computation of each, in both roundings."""
    end = dt.date(2026, 12, 31)
    entries = [entry(deposit_date=start, importer_kind=kind) for _, start, kind in rows]
    priced = price(entries, [amount for amount, _, _ in rows], day=end, interest_rounding=rounding)
    rates = {"corporate": twin.CORPORATE, "noncorporate": twin.NONCORPORATE}
    expected = [twin.TWINS[rounding](amount, start, end, rates[kind]) for amount, start, kind in rows]
    assert priced.interest_cents.tolist() == expected


def test_price__not_payable_earns_nothing() -> None:
    """Rejected, waiting and zero entries, and those without a day, have no interest, no dates and no payment."""
    priced = price([entry()] * 2, [100, 0], payable=[False, True])
    without_day = price([entry()], day=None)
    for part in (priced, without_day):
        assert not part.interest_cents.any()
        assert (part.interest_from == NO_DAY).all()
        assert (part.interest_to == NO_DAY).all()
        assert part.payment_id.null_count == len(part.payment_id)
        assert len(part.sums) == 0
        assert codes_of(part) == []


def test_price__kind_by_header_then_importers_then_setting() -> None:
    """The entry's own kind counts before the importers file, that before the setting; assumptions are counted."""
    importers = [{"importer_number": "12345678900", "importer_kind": "noncorporate"}]
    rows = [entry(), entry(importer_kind=None), entry(importer_kind=None, importer_number="99-000000100")]
    priced = price(rows, importers=importers)
    assert priced.interest_cents.tolist() == [703594, 827448, 703594]
    assert messages_of(priced) == ["the importer kind of 1 refunded entries is not given; they count as corporate"]
    assert price(rows[2:], default_importer_kind="noncorporate").interest_cents.tolist() == [827448]


def test_price__kind_is_the_importers_not_the_4811_partys() -> None:
    """The rate follows the importer of record even when somebody else is paid (clarification 15)."""
    importers = [{"importer_number": "77-000000100", "importer_kind": "noncorporate"}]
    row = entry(importer_kind=None, notify_party="77-000000100", notify_party_on_profile=True)
    priced = price([row], importers=importers)
    assert priced.recipient.to_pylist() == ["77-000000100"]
    assert priced.interest_cents.tolist() == [703594]


def test_price__missing_quarter_leaves_interest_open() -> None:
    """A liquidation after the table leaves the interest open, one finding per quarter; no rate is repeated."""
    rows = [entry(), entry(importer_kind="noncorporate"), entry(deposit_date=dt.date(2024, 9, 29))]
    priced = price(rows, day=dt.date(2027, 1, 5))
    assert priced.interest_known.tolist() == [False] * 3
    assert (priced.flags == Flag.INTEREST_RATE_MISSING).all()
    assert messages_of(priced) == [
        "no interest rate is known for 2024-Q3 corporate: the interest of 1 entries is left open",
        "no interest rate is known for 2027-Q1 corporate: the interest of 2 entries is left open",
        "no interest rate is known for 2027-Q1 noncorporate: the interest of 1 entries is left open",
    ]
    assert priced.sums.to_table().column("interest_open").to_pylist() == [3]


def test_price__table_edges_are_inside() -> None:
    """A deposit on the day before the table and a liquidation on its last day are priced."""
    priced = price([entry(deposit_date=dt.date(2024, 9, 30))], day=dt.date(2026, 12, 31))
    assert priced.interest_known.all()
    assert codes_of(priced) == []


def test_price__deposit_day_not_given_at_all() -> None:
    """Where no entry has a deposit day, one info finding says so and no interest runs (clarification 10)."""
    priced = price([entry(deposit_date=None)] * 3)
    assert not priced.interest_cents.any()
    assert priced.interest_known.all()
    assert [(finding.code, finding.severity, finding.value) for finding in priced.tally.findings().rows] == [
        ("DEPOSIT_DATE_NOT_GIVEN", "info", "3")
    ]


def test_price__deposit_day_missing_here_and_there() -> None:
    """A single entry without a deposit day is named in a warning."""
    priced = price([entry(), entry(entry_number="XYZ00000015", deposit_date=None)])
    findings = priced.tally.findings().rows
    assert [(finding.code, finding.severity, finding.entry_number) for finding in findings] == [
        ("DEPOSIT_DATE_MISSING", "warning", "XYZ00000015")
    ]
    assert priced.interest_cents[1] == 0


def test_price__many_entries_are_counted_not_listed() -> None:
    """Above a thousand entries one finding counts them, wherever the partitions were cut."""
    missing = [entry(entry_number=f"{place:011d}", deposit_date=None) for place in range(1001)]
    whole = price([entry(), *missing]).tally.findings().to_table()
    halves = together([price(missing[:400]).tally, price([*missing[400:], entry()]).tally]).findings().to_table()
    assert whole.equals(halves)
    assert whole.column("code").to_pylist() == ["DEPOSIT_DATE_MISSING_MANY"]
    named = price([entry(), *missing[1:]]).tally.findings()
    assert len(named) == 1000


def test_price__entry_date_as_estimate() -> None:
    """`refund.deposit_fallback` = entry_date starts the interest on the entry date and says that it is an estimate."""
    priced = price([entry(deposit_date=None, entry_date=START)], deposit_fallback="entry_date")
    assert priced.interest_cents.tolist() == [703594]
    assert codes_of(priced) == ["INTEREST_FROM_ENTRY_DATE"]


def test_price__deposit_after_liquidation() -> None:
    """A deposit after the liquidation day earns nothing, has no dates and is named (clarification 29)."""
    priced = price([entry(deposit_date=END + dt.timedelta(days=1))])
    assert (priced.interest_cents[0], priced.interest_from[0], priced.interest_to[0]) == (0, NO_DAY, NO_DAY)
    assert codes_of(priced) == ["DEPOSIT_AFTER_LIQUIDATION"]


def test_price__deposit_on_the_liquidation_day() -> None:
    """No day lies between: interest 0, dates shown, no finding."""
    priced = price([entry(deposit_date=END)])
    assert (priced.interest_cents[0], priced.interest_from[0]) == (0, day_numbers([END])[0])
    assert codes_of(priced) == []


def test_price__several_deposits_last_first_and_first_first() -> None:
    """A partial refund consumes the last deposits first, or the first ones; each slice from its own day."""
    later = dt.date(2025, 9, 1)
    deposits = [
        {"entry_number": "ABC12345676", "deposit_date": START, "amount_cents": 6_000_000},
        {"entry_number": "ABC12345676", "deposit_date": later, "amount_cents": 4_000_000},
        {"entry_number": "XYZ00000015", "deposit_date": START, "amount_cents": 1},
    ]
    for allocation, slices in (
        ("last_first", [(later, 4_000_000), (START, 1_000_000)]),
        ("first_first", [(START, 5_000_000)]),
    ):
        priced = price([entry(deposit_date=None)], 5_000_000, deposits=deposits, deposit_allocation=allocation)
        expected = sum(twin.interest(amount, day, END, twin.CORPORATE) or 0 for day, amount in slices)
        assert priced.interest_cents.tolist() == [expected]
        assert priced.interest_from.tolist() == day_numbers([START]).tolist()
        assert codes_of(priced) == []


def test_price__interest_from_is_the_earliest_deposit_used() -> None:
    """A first deposit that the refund does not reach does not show as its start."""
    later = dt.date(2025, 9, 1)
    deposits = [{"entry_number": "ABC12345676", "deposit_date": day, "amount_cents": 100} for day in (START, later)]
    assert price([entry()], 100, deposits=deposits).interest_from.tolist() == day_numbers([later]).tolist()


def test_price__deposits_that_do_not_cover() -> None:
    """What the deposits do not cover earns nothing, and the entry is named."""
    deposits = [{"entry_number": "ABC12345676", "deposit_date": START, "amount_cents": 4_000_000}]
    priced = price([entry()], 5_000_000, deposits=deposits)
    assert priced.interest_cents.tolist() == [twin.interest(4_000_000, START, END, twin.CORPORATE)]
    assert codes_of(priced) == ["DEPOSITS_NOT_COVERING"]


def test_price__deposits_of_a_nation() -> None:
    """A partition takes its own rows of a deposits file in any order, whatever stands before, between and behind."""
    numbers = ["ABC12345676", "S4R00000015", "XYZ00000015"]
    others = ["", "ABC12345675", "ABC12345677", "RRR00000000", "XYZ00000016", None, "zzz"]
    deposits = [
        {"entry_number": number, "deposit_date": START, "amount_cents": 10_000_000}
        for number in [*others, *numbers[::-1]]
    ]
    entries = [entry(entry_number=number, deposit_date=None) for number in numbers]
    assert price(entries, deposits=deposits).interest_cents.tolist() == [703594] * 3
    assert price(entries[1:2], deposits=deposits).interest_cents.tolist() == [703594]
    assert price(entries[:1], deposits=deposits[:-1]).interest_cents.tolist() == [0]
    assert len(price([], deposits=deposits).interest_cents) == 0


DEPOSITS = st.lists(
    st.tuples(st.dates(dt.date(2025, 1, 1), dt.date(2025, 12, 31)), st.integers(1, 10**6)), min_size=1, max_size=6
)


@given(DEPOSITS, st.integers(1, 3 * 10**6), st.integers(0, 10**6), st.booleans(), st.randoms(use_true_random=False))
def test_price__slices_equal_the_twin(
    deposits: Any, principal: int, prior: int, last_first: bool, shuffle: Any
) -> None:
    """Any deposits, in any order of rows, after any earlier refund, give the slices of the plain loop."""
    rows = [{"entry_number": "ABC12345676", "deposit_date": day, "amount_cents": cents} for day, cents in deposits]
    shuffle.shuffle(rows)
    other = entry(entry_number="XYZ00000015", importer_kind="noncorporate")
    priced = price(
        [entry(prior_refund_cents=prior), other],
        [principal, 10_000_000],
        deposits=rows,
        deposit_allocation="last_first" if last_first else "first_first",
    )
    slices = consumed(deposits, principal, prior, last_first=last_first)
    expected = sum(twin.interest(cents, day, END, twin.CORPORATE) or 0 for day, cents in slices)
    assert priced.interest_cents.tolist() == [expected, 827448]
    covered = sum(cents for _, cents in slices) == principal
    assert ("DEPOSITS_NOT_COVERING" in codes_of(priced)) == (not covered)


def test_price__one_late_slice_of_two() -> None:
    """A late deposit takes its part of the principal without interest; the other part earns as usual."""
    deposits = [
        {"entry_number": "ABC12345676", "deposit_date": START, "amount_cents": 4_000_000},
        {"entry_number": "ABC12345676", "deposit_date": END + dt.timedelta(days=9), "amount_cents": 1_000_000},
    ]
    priced = price([entry()], 5_000_000, deposits=deposits)
    assert priced.interest_cents.tolist() == [twin.interest(4_000_000, START, END, twin.CORPORATE)]
    assert codes_of(priced) == ["DEPOSIT_AFTER_LIQUIDATION"]


def test_price__small_difference() -> None:
    """Under $20 is paid by default, and neither paid nor interest-bearing when disregarded (19 CFR 159.6)."""
    assert price([entry()], 1999).sums.to_table().num_rows == 1
    priced = price([entry()] * 2, [1999, 2000], small_difference="disregard_lt_20")
    assert priced.flags.tolist() == [Flag.SMALL_DIFFERENCE, 0]
    assert priced.payment_id.is_null().to_pylist() == [True, False]
    assert priced.interest_cents[0] == 0
    assert priced.sums.to_table().column("entries").to_pylist() == [1]


@given(st.permutations(range(6)))
def test_price__rows_do_not_depend_on_each_other(order: Sequence[int]) -> None:
    """The answer of an entry is the same wherever it stands in a partition (invariant 9)."""
    days = [dt.date(2025, month, 3) for month in range(1, 7)]
    entries = [entry(deposit_date=day, importer_number=f"12-34567890{place % 3}") for place, day in enumerate(days)]
    straight = price(entries, list(range(1000, 7000, 1000)))
    mixed = price([entries[place] for place in order], [1000 * place + 1000 for place in order])
    assert mixed.interest_cents.tolist() == [straight.interest_cents[place] for place in order]
    ids = straight.payment_id.to_pylist()
    assert mixed.payment_id.to_pylist() == [ids[place] for place in order]


def test_price__empty_partition() -> None:
    """No entries give no results and no findings."""
    priced = price([])
    assert len(priced.interest_cents) == len(priced.payment_id) == len(priced.recipient) == 0
    assert priced.sums.to_table().schema.equals(refund.SUMS_SCHEMA)
