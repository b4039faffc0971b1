"""The one door from text to money and rates, exact and strict; nothing else turns digits into cents.

Accepted forms of an amount, and no others (the fast readers of intake agree with this door by test):

    amount   = blanks "" or "$", blanks, whole, ["." , 1 or 2 digits], blanks
    whole    = digits, or 1 to 3 digits followed by groups of "," and exactly 3 digits
    blanks   = any number of ASCII spaces and tabs
    digits   = ASCII 0-9

`FREE` in any case counts as 0 where the caller says so. What is refused, tested in this order:

    EMPTY               nothing but blanks, or a lone `$`
    NEGATIVE            the first character after blanks and `$` is `-` or `(`
    TOO_MANY_DECIMALS   the form above, but with more decimals than allowed
    NOT_A_NUMBER        anything else: letters, exponents, NaN, a second point, a misplaced comma, a lone point
    OUT_OF_BOUNDS       a well-formed amount above the bound of its column
"""

from __future__ import annotations

import re
from enum import Enum

MAX_INT64 = 2**63 - 1
RATE_DECIMALS = 9
RATE_ONE = 10**RATE_DECIMALS
"""A rate of 1 (100 percent, or one dollar per unit) in billionths."""

_BLANKS = " \t"
_AMOUNT = re.compile(r"(\d+|\d{1,3}(?:,\d{3})+)(?:\.(\d+))?", re.ASCII)


class MoneyFault(Enum):
    """Why a text is not an amount; the words of intake's findings are chosen by it."""

    EMPTY = "nothing is there"
    NOT_A_NUMBER = "not a number in one of the accepted forms"
    NEGATIVE = "negative"
    TOO_MANY_DECIMALS = "more decimals than allowed"
    OUT_OF_BOUNDS = "above the largest amount allowed"


def parse_scaled(text: str, decimals: int, *, most: int = MAX_INT64) -> int | MoneyFault:
    """`text` in one of the accepted forms as a whole number of 10^-`decimals`.

    Args:
        text: the cell, as read.
        decimals: digits allowed after the point, and the scale of the result.
        most: largest result allowed.
    """
    body = text.strip(_BLANKS)
    if body.startswith("$"):
        body = body[1:].lstrip(_BLANKS)
    if not body:
        return MoneyFault.EMPTY
    if body[0] in "-(":
        return MoneyFault.NEGATIVE
    match = _AMOUNT.fullmatch(body)
    if match is None:
        return MoneyFault.NOT_A_NUMBER
    whole, fraction = match[1].replace(",", ""), match[2] or ""
    if len(fraction) > decimals:
        return MoneyFault.TOO_MANY_DECIMALS
    # Python refuses to read numbers of thousands of digits (a guard against slow input): test the length first.
    if len(whole.lstrip("0")) > len(str(MAX_INT64)):
        return MoneyFault.OUT_OF_BOUNDS
    value = int(whole) * 10**decimals + int(fraction.ljust(decimals, "0") or "0")
    return MoneyFault.OUT_OF_BOUNDS if value > most else value


def parse_cents(text: str, *, most: int = MAX_INT64, free: bool = False) -> int | MoneyFault:
    """Dollars as text (`$1,234.50`, `1234.5`) as cents.

    Args:
        text: the cell, as read.
        most: largest number of cents allowed.
        free: whether `FREE` counts as 0, as ES-003 prints it (handbook 3.3).
    """
    if free and text.strip(_BLANKS).upper() == "FREE":
        return 0
    return parse_scaled(text, 2, most=most)


def parse_rate(text: str, *, most: int = MAX_INT64) -> int | MoneyFault:
    """A decimal fraction or a rate in dollars (`0.065`, `1.104`) as billionths; more than nine decimals are refused."""
    return parse_scaled(text, RATE_DECIMALS, most=most)


def cents_text(cents: int) -> str:
    """Cents as people read them: 123450 is `$1,234.50`, a negative amount `-$1,234.50`."""
    dollars, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}${dollars:,}.{rest:02d}"


def scaled_text(value: int, decimals: int) -> str:
    """A scaled whole number as the shortest exact decimal: 65_000_000 of nine decimals is `0.065`."""
    whole, rest = divmod(abs(value), 10**decimals)
    fraction = str(rest).rjust(decimals, "0").rstrip("0") if rest else ""
    return f"{'-' if value < 0 else ''}{whole}{'.' + fraction if fraction else ''}"


def rate_text(rate_e9: int) -> str:
    """Billionths as the shortest exact decimal fraction."""
    return scaled_text(rate_e9, RATE_DECIMALS)


def half_up(numerator: int, denominator: int) -> int:
    """`numerator` / `denominator` rounded half up (CATAIR AE note (hh), 19 CFR 159.3).

    Raises:
        ValueError: a negative numerator (the law rounds amounts owed, not differences), or a denominator below 1.
    """
    if numerator < 0 or denominator <= 0:
        raise ValueError(f"half_up needs a numerator >= 0 and a denominator > 0, not {numerator}/{denominator}")
    return (2 * numerator + denominator) // (2 * denominator)
