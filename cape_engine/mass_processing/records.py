"""Rows of the kernels' tables that are put together in one place: rulings, and rates that are percentages."""

from __future__ import annotations

from cape_kernels import tables as k

_OWN = int(k.USE_OWN)
_MASKS = (k.MARK_BASE, k.MARK_REMOVED, k.MARK_CHARGED, k.MARK_COMPARED)


def ruling(marks: int, weights: int, rate_e9: int, row: int, place: int) -> tuple[int, ...]:
    """A row of `tables.RULING`."""
    return (marks, weights, rate_e9, row, place, *(-1 if marks & mark else 0 for mark in _MASKS))


def percent_row(code: str, rate_e9: int, from_day: int, to_day: int) -> tuple[int, ...]:
    """A row of `tables.RATE` of a chapter 98 or 99 number."""
    return (_OWN, 0, ord(code), 0, 0, 0, -1, -1, from_day, to_day, 0, rate_e9, 0, 0)
