"""Exact twins of the cell parsers: amounts through the engine's one door, days through Python's calendar."""

from __future__ import annotations

import datetime as dt
import re
from fractions import Fraction

_AROUND = " \t\r\n=\"'\u00a0"
_NUMBER = re.compile(r"(\d+|\d{1,3}(?:,\d{3})+)(?:\.(\d+))?", re.ASCII)


def trimmed(cell: str) -> str:
    """A cell without what may stand around it."""
    return cell.strip(_AROUND)


def amount(cell: str) -> Fraction | str:
    """An exact amount, or `blank`, `negative`, `not_a_number`."""
    body = trimmed(cell)
    if body.startswith("$"):
        body = body[1:].lstrip(" \t")
    if not body:
        return "blank"
    if body[0] in "-(":
        return "negative"
    match = _NUMBER.fullmatch(body)
    if match is None:
        return "not_a_number"
    decimals = match[2] or ""
    return Fraction(int(match[1].replace(",", "") + decimals), 10 ** len(decimals))


def decimals_of(cell: str) -> int:
    """Digits behind the point of a cell that is an amount."""
    body = trimmed(cell)
    return len(body.split(".")[1]) if "." in body else 0


def half_up(value: Fraction) -> int:
    """The nearest whole number, halves up."""
    return int(value + Fraction(1, 2)) if value >= 0 else -int(-value + Fraction(1, 2))


def day(cell: str) -> dt.date | str:
    """The day of a cell in one of the two accepted forms without a time, or `bad`, `impossible`."""
    body = trimmed(cell)
    american = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", body, re.ASCII)
    iso = re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})", body, re.ASCII)
    if american:
        month, number, year = (int(part) for part in american.groups())
    elif iso:
        year, month, number = (int(part) for part in iso.groups())
    else:
        return "bad"
    try:
        return dt.date(year, month, number)
    except ValueError:
        return "impossible"
