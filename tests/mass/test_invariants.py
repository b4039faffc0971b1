"""The invariants of handbook 5.11 that concern mass processing (1-8 and 14), over generated entries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cape_engine.mass_processing import MassResult
from cape_engine.schema import facts as f
from cape_engine.schema import rows as t
from cape_engine.schema.codes import Change, Flag, Trial
from mass.builders import entry, line, partition, run, tariff
from mass.strategies import as_rows, entries, ordinary
from reference.removal import Line, Number

FEW = settings(max_examples=40)
EXEMPT = "99030130"


def sums(values: Sequence[int], counts: Sequence[int]) -> list[int]:
    """Sums of consecutive groups."""
    found, at = [], 0
    for count in counts:
        found.append(sum(values[at : at + count]))
        at += count
    return found


@FEW
@given(found=entries(), paid=st.one_of(st.none(), st.integers(0, 10**9)), prior=st.integers(0, 10**6))
def test_principal__conserves_money(found: list[Line], paid: int | None, prior: int) -> None:
    """1: paid - earlier refunds = new duty + principal - bill, and at most one of the two is above zero."""
    result = run(as_rows(found, **{f.PAID_DUTY_CENTS: paid, f.PRIOR_REFUND_CENTS: prior}))
    held = (result.filed_duty_cents if paid is None else np.array([paid])) - prior
    assert (held == result.recalculated_duty_cents + result.principal_cents - result.bill_cents).all()
    assert ((result.principal_cents == 0) | (result.bill_cents == 0)).all()


@FEW
@given(found=entries())
def test_sums__numbers_lines_entry(found: list[Line]) -> None:
    """2: entry duty is the sum of its lines, line duty the sum of its numbers, before and after; clipped once."""
    made = partition(as_rows(found))
    result = run(as_rows(found))
    filed = made.tariffs.column(str(t.DUTY_CENTS)).to_pylist()
    counts = [len(one.numbers) for one in found]
    before, after = sums(filed, counts), sums(result.recalculated_number_cents.tolist(), counts)
    assert sum(before) == result.filed_duty_cents[0]
    assert sum(after) == result.recalculated_duty_cents[0]
    difference = sum(old - new for old, new in zip(before, after, strict=True))
    assert result.principal_cents[0] == max(0, difference)
    assert result.bill_cents[0] == max(0, -difference)


@FEW
@given(found=entries())
def test_untouched_numbers__keep_filed_duty(found: list[Line]) -> None:
    """3, 6: outside the 166 every number keeps its filed duty, but for a restored base or one with a moved value."""
    result = run(as_rows(found))
    numbers = [(number, one) for one in found for number in one.numbers]
    for (number, one), change, duty in zip(numbers, result.change, result.recalculated_number_cents, strict=True):
        if number.ieepa:
            assert (change, duty) == (Change.REMOVED, 0)
        elif change == Change.KEPT:
            assert duty == number.duty
        else:
            assert number.fact.kind == "base"
            assert change == Change.MOVED_VALUE or any(each.fact.kind == "replacement" for each in one.numbers)


@FEW
@given(found=entries())
def test_additional_lines__give_back_filed_duty(found: list[Line]) -> None:
    """4: without replacement numbers and moved values the difference is the filed IEEPA duty exactly."""
    plain = [one for one in found if all(number.fact.kind != "replacement" for number in one.numbers)]
    plain = [replace(one, numbers=tuple(replace(n, value=0) if n.ieepa else n for n in one.numbers)) for one in plain]
    if not plain:
        return
    result = run(as_rows(plain))
    ieepa = sum(number.duty for one in plain for number in one.numbers if number.ieepa)
    assert result.filed_duty_cents[0] - result.recalculated_duty_cents[0] == ieepa
    assert result.removed_ieepa_cents[0] == ieepa


@FEW
@given(found=entries())
def test_line_difference__is_bounded(found: list[Line]) -> None:
    """4: no line gives back more than its filed IEEPA and base duty."""
    result = run(as_rows(found))
    at = 0
    for one in found:
        new = sum(result.recalculated_number_cents[at : at + len(one.numbers)].tolist())
        at += len(one.numbers)
        most = sum(number.duty for number in one.numbers if number.ieepa or number.fact.kind == "base")
        assert sum(number.duty for number in one.numbers) - new <= most


@FEW
@given(value=st.integers(10_000, 10**9), base=st.sampled_from(["3923900080", "6113009015", "8471704065"]))
def test_layouts__same_principal(value: int, base: str) -> None:
    """5: full and split filings of the same goods give the same principal."""
    rate_e3 = {"3923900080": 30, "6113009015": 71, "8471704065": 0}[base]
    all_in, column1 = value * 15, (value * rate_e3 * 100 + 500) // 1000
    full = line(tariff("99030220", all_in), tariff(base, 0, value))
    split = line(tariff("99030220", all_in - column1), tariff(base, column1, value))
    result = run(entry(full), entry(split))
    assert result.principal_cents.tolist() == [all_in - column1] * 2
    assert not result.flags.any() or {int(flag) for flag in result.flags} <= {0, int(Flag.COLUMN1_RESTORED)}


@FEW
@given(found=entries(), fee=st.integers(0, 10**6))
def test_fees__change_nothing(found: list[Line], fee: int) -> None:
    """7: fees, AD/CVD, taxes and other revenue neither change nor change the answer."""
    columns = (f.FEE_499_CENTS, f.FEE_501_CENTS, f.AD_CENTS, f.CVD_CENTS, f.TAX_CENTS, f.OTHER_REVENUE_CENTS)
    bare, laden = as_rows(found), as_rows(found, **dict.fromkeys(columns, fee))
    result = run(bare, laden)
    for values in (result.recalculated_duty_cents, result.principal_cents, result.restored_column1_cents):
        assert values[0] == values[1]


def after(found: list[Line], result: MassResult) -> list[Line]:
    """The new version of an entry: IEEPA numbers gone, base duty as recalculated, value where it was placed."""
    lines, at = [], 0
    for one in found:
        numbers: list[Number] = []
        for number in one.numbers:
            moved = result.change[at] == Change.MOVED_VALUE
            value = sum(each.value or 0 for each in one.numbers) if moved else number.value
            if result.change[at] != Change.REMOVED:
                numbers.append(replace(number, duty=int(result.recalculated_number_cents[at]), value=value))
            at += 1
        if numbers:
            lines.append(replace(one, numbers=tuple(numbers)))
    return lines


@FEW
@given(found=entries())
def test_removal__twice_equals_once(found: list[Line]) -> None:
    """8: a second run finds no IEEPA number and changes nothing; the second principal is 0."""
    first = run(as_rows(found))
    again = after(found, first)
    if not again:
        return
    second = run(as_rows(again))
    assert int(second.trial[0]) & Trial.NO_IEEPA_NUMBER
    assert second.recalculated_duty_cents[0] == first.recalculated_duty_cents[0]
    assert second.principal_cents[0] == second.bill_cents[0] == 0
    assert (second.change == Change.KEPT).all()


@FEW
@given(one=ordinary())
def test_exempt_number__changes_no_amount(one: Line) -> None:
    """14: an exempt number more on a line changes no amount."""
    if any(number.hts == EXEMPT for number in one.numbers) or not any(number.ieepa for number in one.numbers):
        return
    more = replace(one, numbers=(*one.numbers[:-1], Number(EXEMPT, 0, 0), one.numbers[-1]))
    result = run(as_rows([one]), as_rows([more]))
    for values in (result.recalculated_duty_cents, result.principal_cents, result.recomputed_duty_cents):
        assert values[0] == values[1]


@FEW
@given(value=st.integers(1, 10**6), factor=st.integers(1, 50), top=st.booleans())
def test_scaling__scales_the_result(value: int, factor: int, top: bool) -> None:
    """14: scaling every amount by a whole factor without fractions scales the result."""

    def made(times: int) -> dict[str, Any]:
        worth = 1000 * value * times
        number = tariff("99030220", worth * 15) if top else tariff("99030125", worth * 10)
        return entry(line(number, tariff("3923900080", 0 if top else worth * 3, worth)))

    result = run(made(1), made(factor))
    assert result.principal_cents[1] == factor * result.principal_cents[0]
    assert result.recalculated_duty_cents[1] == factor * result.recalculated_duty_cents[0]


def test_entries__do_not_touch_each_other() -> None:
    """9: an entry's answer is the same alone and among others."""
    days = (dt.date(2025, 11, 9), dt.date(2025, 11, 10))
    made = [entry(line(tariff("99030124", 20_000), tariff("3923900080", 3_000, 1_000)), entry_date=day) for day in days]
    together, alone = run(*made), [run(one) for one in made]
    assert together.principal_cents.tolist() == [int(one.principal_cents[0]) for one in alone]
    assert together.flags.tolist() == [int(one.flags[0]) for one in alone]
