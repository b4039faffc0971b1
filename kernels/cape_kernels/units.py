"""Quantities: the slot whose unit is the unit of the rate, and whole units for small rates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cape_kernels._jit import helper

ANY_UNIT = -1
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
def measures_of(quantities, tariff):  # type: ignore[no-untyped-def]
    """Quantities and units of one number."""
    return Measures(
        quantities.quantity_1[tariff],
        quantities.quantity_2[tariff],
        quantities.quantity_3[tariff],
        np.int64(quantities.unit_of_1[quantities.uom_1[tariff]]),
        np.int64(quantities.unit_of_2[quantities.uom_2[tariff]]),
        np.int64(quantities.unit_of_3[quantities.uom_3[tariff]]),
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
