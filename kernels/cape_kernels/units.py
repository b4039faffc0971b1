"""Quantities: where those of a number stand, the slot in the unit of the rate, whole units for small rates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cape_kernels._jit import helper

ANY_UNIT = -1
NO_UNIT = -2
NO_QUANTITY_E2 = -1


class Measures(NamedTuple):
    """The three quantities of one number (int64 hundredths, -1 missing) and their units (int64, -2 none)."""

    quantity_1: int
    quantity_2: int
    quantity_3: int
    unit_1: int
    unit_2: int
    unit_3: int


@helper
def place_of(quantities, tariff, cursor):  # type: ignore[no-untyped-def]
    """Place of the quantities of a tariff, -1 if it has none; the walk goes on from there, because lines ascend."""
    place = cursor[0]
    while place > 0 and quantities.tariff[place - 1] >= tariff:
        place -= 1
    while place < len(quantities.tariff) and quantities.tariff[place] < tariff:
        place += 1
    cursor[0] = place
    there = place < len(quantities.tariff) and quantities.tariff[place] == tariff
    return np.int64(place) if there else np.int64(-1)


@helper
def amount_at(narrow, wide, place):  # type: ignore[no-untyped-def]
    """One quantity (hundredths), -1 missing; at most one of the arrays holds anything."""
    if len(narrow) > 0:
        return np.int64(narrow[place])
    return wide[place] if len(wide) > 0 else np.int64(NO_QUANTITY_E2)


@helper
def unit_at(words, units, place):  # type: ignore[no-untyped-def]
    """Unit of one quantity, -2 none."""
    return np.int64(units[words[place]]) if len(words) > 0 else np.int64(NO_UNIT)


@helper
def measures_at(quantities, place):  # type: ignore[no-untyped-def]
    """Quantities and units at a place; all missing at -1."""
    if place < 0:
        none, no_unit = np.int64(NO_QUANTITY_E2), np.int64(NO_UNIT)
        return Measures(none, none, none, no_unit, no_unit, no_unit)
    return Measures(
        amount_at(quantities.quantity_1, quantities.wide_1, place),
        amount_at(quantities.quantity_2, quantities.wide_2, place),
        amount_at(quantities.quantity_3, quantities.wide_3, place),
        unit_at(quantities.uom_1, quantities.unit_of_1, place),
        unit_at(quantities.uom_2, quantities.unit_of_2, place),
        unit_at(quantities.uom_3, quantities.unit_of_3, place),
    )


@helper
def quantity_of(measures, slot):  # type: ignore[no-untyped-def]
    """Quantity in slot 1, 2 or 3 (hundredths), -1 if missing."""
    if slot == 1:
        return measures.quantity_1
    if slot == 2:
        return measures.quantity_2
    return measures.quantity_3


@helper
def quantity_in(measures, slot, unit):  # type: ignore[no-untyped-def]
    """Quantity in the unit of the rate (hundredths): the slot named if its unit fits, else the first that fits.

    The HTS orders its units its own way, so the quantity that a rate needs is often not the first (handbook 5.3).
    -1 if no slot fits or the one that fits is empty. A rate without a unit takes the named slot as it is.
    """
    if unit == ANY_UNIT:
        return quantity_of(measures, slot)
    own = measures.unit_1 if slot == 1 else measures.unit_2 if slot == 2 else measures.unit_3
    if own == unit:
        return quantity_of(measures, slot)
    if measures.unit_1 == unit:
        return measures.quantity_1
    if measures.unit_2 == unit:
        return measures.quantity_2
    if measures.unit_3 == unit:
        return measures.quantity_3
    return np.int64(NO_QUANTITY_E2)


@helper
def whole_units(quantity_e2, applies):  # type: ignore[no-untyped-def]
    """Quantity in whole units, one half and more counting as one (19 CFR 159.3(b)), where that applies."""
    if applies == 0 or quantity_e2 < 0:
        return quantity_e2
    return (quantity_e2 + 50) // 100 * 100
