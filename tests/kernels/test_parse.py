"""Cell parsers against exact twins, the engine's one door for money, and Python's calendar."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cape_engine.intake.texts import Texts
from cape_engine.money import MoneyFault
from cape_engine.money import parse_cents as door
from cape_kernels import parse as k
from reference import parse as twin

HIGH = 99_999_999_99
EPOCH = dt.date(1970, 1, 1)
FAULTS = {
    MoneyFault.EMPTY: k.BLANK,
    MoneyFault.NOT_A_NUMBER: k.NOT_A_NUMBER,
    MoneyFault.NEGATIVE: k.NEGATIVE,
    MoneyFault.TOO_MANY_DECIMALS: k.TOO_MANY_DECIMALS,
    MoneyFault.OUT_OF_BOUNDS: k.OUT_OF_BOUNDS,
}
AMOUNTISH = st.one_of(
    st.from_regex(r"\$?[0-9]{1,4}(,[0-9]{3}){0,3}(\.[0-9]{1,4})?", fullmatch=True),
    st.text("0123456789,.$-( eE\tN", max_size=14),
    st.sampled_from(["FREE", " free\t", "1e5", "NaN", "$", "", "$ 5", "1,23", "9" * 30, "0.005", "100000000.00"]),
)


def run(
    kernel: Callable[..., None], cells: list[str], *scalars: object, kind: type = np.int64
) -> list[tuple[int, int]]:
    """(value, status) of each cell."""
    texts = Texts.of(pa.array(cells, pa.string()))
    out: npt.NDArray[Any] = np.zeros(len(cells), kind)
    status = np.zeros(len(cells), np.uint8)
    kernel(texts.spans, texts.data, *scalars, out, status)
    return list(zip(out.tolist(), status.tolist(), strict=True))


@given(st.lists(AMOUNTISH, min_size=1, max_size=30), st.booleans())
@example(["FREE", "$1,234.50", "1234.5", "0", "-0.01", "(5)", "1.234", "99999999.99", "100000000.00"], True)
def test_parse_cents__agrees_with_the_door(cells: list[str], free: bool) -> None:
    """The fast reader says of every text exactly what `cape_engine.money.parse_cents` says."""
    for cell, (value, status) in zip(cells, run(k.parse_cents, cells, np.int64(HIGH), free), strict=True):
        wanted = door(cell, most=HIGH, free=free)
        if isinstance(wanted, MoneyFault):
            assert (value, status) == (k.NOTHING, FAULTS[wanted]), cell
        else:
            assert (value, status) == (wanted, k.OK), cell


@given(st.lists(AMOUNTISH, min_size=1, max_size=30))
def test_parse_dollars__whole_dollars_half_up(cells: list[str]) -> None:
    """Entered value is whole dollars, halves up (19 CFR 159.3(a)); a third decimal is refused."""
    for cell, (value, status) in zip(cells, run(k.parse_dollars, cells, np.int64(HIGH)), strict=True):
        wanted = twin.amount(cell)
        if not isinstance(wanted, Fraction):
            assert status == k.__dict__[wanted.upper()], cell
        elif twin.decimals_of(cell) > 2:
            assert status == k.TOO_MANY_DECIMALS, cell
        elif twin.half_up(wanted) > HIGH:
            assert (value, status) == (k.NOTHING, k.OUT_OF_BOUNDS), cell
        else:
            assert value == twin.half_up(wanted), cell
            assert status == (k.OK if wanted.denominator == 1 else k.ROUNDED), cell


@given(st.lists(AMOUNTISH, min_size=1, max_size=30))
def test_parse_hundredths__exact_or_half_up(cells: list[str]) -> None:
    """A quantity is exact to two decimals; further ones are rounded half up and said so."""
    for cell, (value, status) in zip(cells, run(k.parse_hundredths, cells, np.int64(HIGH)), strict=True):
        wanted = twin.amount(cell)
        if not isinstance(wanted, Fraction):
            assert status == k.__dict__[wanted.upper()], cell
        elif twin.half_up(wanted * 100) > HIGH:
            assert (value, status) == (k.NOTHING, k.OUT_OF_BOUNDS), cell
        else:
            assert value == twin.half_up(wanted * 100), cell
            assert status == (k.OK if (wanted * 100).denominator == 1 else k.ROUNDED), cell


@given(
    st.lists(st.one_of(st.integers(-5, 200).map(str), st.text("0123456789.-x ", max_size=25)), min_size=1, max_size=30)
)
def test_parse_whole__plain_digits_within_bounds(cells: list[str]) -> None:
    """Only plain digits between the bounds become a number."""
    for cell, (value, status) in zip(cells, run(k.parse_whole, cells, np.int64(1), np.int64(99)), strict=True):
        body = twin.trimmed(cell)
        if not body:
            assert status == k.BLANK
        elif body[0] in "-(":
            assert status == k.NEGATIVE
        elif not body.isdigit():
            assert status == k.NOT_A_NUMBER
        elif 1 <= int(body) <= 99:
            assert (value, status) == (int(body), k.OK)
        else:
            assert status == k.OUT_OF_BOUNDS


@given(st.lists(st.dates(dt.date(1900, 1, 1), dt.date(2199, 12, 31)), min_size=1, max_size=20))
def test_parse_days__every_form_of_every_day(days: list[dt.date]) -> None:
    """MM/DD/YYYY, M/D/YYYY and ISO give the day number, with or without midnight behind them."""
    numbers = [((day - EPOCH).days, k.OK) for day in days]
    for form in (
        lambda day: f"{day:%m/%d/%Y}",
        lambda day: f"{day.month}/{day.day}/{day.year}",
        lambda day: day.isoformat(),
        lambda day: f"{day} 00:00:00",
        lambda day: f"{day}T00:00:00.000",
        lambda day: f"{day:%m/%d/%Y} 12:00:00 AM",
    ):
        assert run(k.parse_days, [form(day) for day in days], kind=np.int32) == numbers


@given(
    st.lists(
        st.from_regex(r"[0-9]{1,2}/[0-9]{1,2}/(19|20)[0-9]{2}|[0-9]{4}-[0-9]{2}-[0-9]{2}", fullmatch=True), min_size=1
    )
)
@example(["02/29/2025", "02/29/2024", "13/01/2025", "0/1/2025", "2025-02-30", "1899-12-31", "2200-01-01"])
def test_parse_days__impossible_days(cells: list[str]) -> None:
    """A day that Python's calendar does not know is impossible; years far from any entry are out of bounds."""
    for cell, (value, status) in zip(cells, run(k.parse_days, cells, kind=np.int32), strict=True):
        wanted = twin.day(cell)
        if isinstance(wanted, dt.date) and 1900 <= wanted.year <= 2199:
            assert (value, status) == ((wanted - EPOCH).days, k.OK), cell
        elif isinstance(wanted, dt.date) or cell.startswith("0000"):
            assert (value, status) in ((k.NO_DAY, k.OUT_OF_BOUNDS), (k.NO_DAY, k.IMPOSSIBLE_DAY)), cell
        else:
            assert (value, status) == (k.NO_DAY, k.IMPOSSIBLE_DAY), cell


@pytest.mark.parametrize(
    ("cell", "status"),
    [
        ("", k.BLANK),
        ("45717", k.NOT_A_NUMBER),
        ("2025/03/01", k.NOT_A_NUMBER),
        ("03-01-2025", k.NOT_A_NUMBER),
        ("03/01/25", k.NOT_A_NUMBER),
        ("2025-3-1", k.NOT_A_NUMBER),
        ("03/01/2025x", k.NOT_A_NUMBER),
        ("2025-03-01 14:30:00", k.HAS_TIME),
        ("2025-03-01 00:00:00Z", k.HAS_TIME),
        ("2025-03-01T00:00:00+00:00", k.HAS_TIME),
        ("03/01/2025 12:00:00 PM", k.HAS_TIME),
        ("tomorrow", k.NOT_A_NUMBER),
    ],
)
def test_parse_days__refused(cell: str, status: int) -> None:
    """Other orders, two-digit years, bare serial numbers and times are refused, not guessed."""
    assert run(k.parse_days, [cell], kind=np.int32) == [(k.NO_DAY, status)]


@pytest.mark.parametrize(
    ("cell", "value", "status"),
    [
        ("3923.90.0080", 3923900080, k.OK),
        ("39239000 80", 3923900080, k.OK),
        ('="0101210000"', 101210000, k.OK),
        ("9903.01.24", 99030124 + k.HTS_SCALE, k.OK),
        ("99030124", 99030124 + k.HTS_SCALE, k.OK),
        ("", k.NOTHING, k.BLANK),
        ("9903012", k.NOTHING, k.BAD_LENGTH),
        ("101210000", k.NOTHING, k.BAD_LENGTH),
        ("39239000801", k.NOTHING, k.BAD_LENGTH),
        ("9903.01.2A", k.NOTHING, k.NOT_A_NUMBER),
        ("-99030124", k.NOTHING, k.NOT_A_NUMBER),
    ],
)
def test_parse_hts__eight_or_ten_digits(cell: str, value: int, status: int) -> None:
    """Dots, blanks and guards go; 8 and 10 digits stay apart; letters and other lengths are refused."""
    assert run(k.parse_hts, [cell]) == [(value, status)]


def test_parse__guards_and_no_break_spaces() -> None:
    """What a spreadsheet puts around a cell does not count, in every parser."""
    assert run(k.parse_cents, ['="1,234.50"', "\u00a05.00\u00a0", "'7"], np.int64(HIGH), False) == [
        (123450, k.OK),
        (500, k.OK),
        (700, k.OK),
    ]
