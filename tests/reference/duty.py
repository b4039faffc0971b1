"""Duty of one number in fractions, written from CATAIR Appendix F and 19 CFR 159.3(b), independent of the kernel.

Money is dollars as Fraction, quantities are units as Fraction, the answer whole cents or None where none can be given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

LARGEST_CENTS = 4 * 10**12
HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Measure:
    """A quantity with its unit; either may be missing."""

    amount: Fraction | None = None
    unit: str | None = None


@dataclass(frozen=True)
class Formula:
    """A rate as the tariff has it: code, P1 per `unit`, P2, P3 per `other_unit`; a blank unit is not compared."""

    code: str
    p1: Fraction = Fraction(0)
    p2: Fraction = Fraction(0)
    p3: Fraction = Fraction(0)
    unit: str = ""
    other_unit: str = ""
    whole: bool = False
    whole_other: bool = False


@dataclass(frozen=True)
class Goods:
    """What is charged: entered value in dollars (None missing) and three quantities."""

    value: Fraction | None
    measures: tuple[Measure, Measure, Measure] = field(default=(Measure(), Measure(), Measure()))


class NotComputable(Exception):  # noqa: N818 - not an error: the law gives no answer here
    """No duty can be computed; the text says why."""


def half_up(amount: Fraction) -> int:
    """Nearest whole number, one half upwards."""
    return floor(amount + HALF)


def quantity(goods: Goods, slot: int, unit: str, *, whole: bool) -> Fraction:
    """The quantity in the unit of the rate: the slot named, else the first other slot in that unit."""
    order = [slot, *(other for other in (1, 2, 3) if other != slot)]
    found = None
    for candidate in order[: 1 if not unit else 3]:
        measure = goods.measures[candidate - 1]
        if not unit or measure.unit == unit:
            found = measure.amount
            break
    if found is None:
        raise NotComputable("quantity")
    return Fraction(half_up(found)) if whole else found


def own_quantity(goods: Goods, slot: int) -> Fraction:
    """The quantity of exactly that slot, in whatever unit."""
    amount = goods.measures[slot - 1].amount
    if amount is None:
        raise NotComputable("quantity")
    return amount


def degrees(goods: Goods, slot: int) -> Fraction:
    """Sugar degrees; there are no more than a hundred."""
    amount = own_quantity(goods, slot)
    if amount > 100:
        raise NotComputable("degrees")
    return amount


def dollars(rate: Formula, goods: Goods) -> Fraction:  # noqa: PLR0912 - one branch for each code of Appendix F
    """Duty in dollars before rounding.

    Raises:
        NotComputable: no formula, or a part of it is missing.
    """

    def first(slot: int) -> Fraction:
        return quantity(goods, slot, rate.unit, whole=rate.whole)

    def second(slot: int) -> Fraction:
        return quantity(goods, slot, rate.other_unit, whole=rate.whole_other)

    def value() -> Fraction:
        if goods.value is None:
            raise NotComputable("value")
        return goods.value

    match rate.code:
        case "0":
            return Fraction(0)
        case "1":
            return rate.p1 * first(1)
        case "2":
            return rate.p1 * first(2)
        case "3":
            return rate.p1 * first(1) + rate.p3 * second(2)
        case "4":
            return rate.p1 * first(1) + rate.p2 * value()
        case "5":
            return rate.p1 * first(2) + rate.p2 * value()
        case "6":
            return rate.p1 * first(1) + rate.p3 * second(2) + rate.p2 * value()
        case "7":
            return rate.p2 * value()
        case "A":
            return (rate.p2 + rate.p3 * own_or_unit(goods, 3, rate)) * value()
        case "B":
            return rate.p1 * first(2) + (rate.p2 + rate.p3 * own_or_unit(goods, 3, rate)) * value()
        case "D":
            return rate.p1 * first(3) + rate.p2 * value()
        case "E":
            return rate.p1 * first(2) + rate.p3 * second(3) + rate.p2 * value()
        case "F":
            return first(1) * (rate.p1 + rate.p3 * own_or_unit(goods, 2, rate))
        case "J":
            return sugar(rate, first(2), degrees(goods, 3))
        case "K":
            if rate.unit and goods.measures[0].unit != rate.unit:
                raise NotComputable("unit of quantity 1")
            return sugar(rate, first(1), degrees(goods, 2))
        case _:
            raise NotComputable("code")


def own_or_unit(goods: Goods, slot: int, rate: Formula) -> Fraction:
    """The quantity that scales a rate (codes A, B, F): never rounded to whole units."""
    return quantity(goods, slot, rate.other_unit, whole=False)


def sugar(rate: Formula, weight: Fraction, at: Fraction) -> Fraction:
    """Rate less P2 for each degree under 100, but not less than P3."""
    return max(weight * (rate.p1 - rate.p2 * (100 - at)), rate.p3 * weight)


def duty_cents(rate: Formula, goods: Goods) -> int | None:
    """Duty in cents, half up once; None where it cannot be computed or is beyond any record 50."""
    try:
        cents = half_up(dollars(rate, goods) * 100)
    except NotComputable:
        return None
    return cents if cents <= LARGEST_CENTS else None
