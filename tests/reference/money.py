"""Text to money from its written form, character by character, in plain integers, independent of the engine."""

from __future__ import annotations

from fractions import Fraction

DIGITS = "0123456789"


def amount(text: str, decimals: int, most: int) -> int | str:
    """The scaled amount of a text, or the name of the fault (see the docstring of `cape_engine.money`)."""
    rest = list(text)
    while rest and rest[0] in " \t":
        rest.pop(0)
    while rest and rest[-1] in " \t":
        rest.pop()
    if rest and rest[0] == "$":
        rest.pop(0)
        while rest and rest[0] in " \t":
            rest.pop(0)
    if not rest:
        return "EMPTY"
    if rest[0] in ("-", "("):
        return "NEGATIVE"
    body = "".join(rest)
    if body.count(".") > 1:
        return "NOT_A_NUMBER"
    whole, point, fraction = body.partition(".")
    groups = whole.split(",")
    if any(not group or any(character not in DIGITS for character in group) for group in groups):
        return "NOT_A_NUMBER"
    if len(groups) > 1 and (len(groups[0]) > 3 or any(len(group) != 3 for group in groups[1:])):
        return "NOT_A_NUMBER"
    if point and (not fraction or any(character not in DIGITS for character in fraction)):
        return "NOT_A_NUMBER"
    if len(fraction) > decimals:
        return "TOO_MANY_DECIMALS"
    exact = Fraction(int("".join(groups))) + (Fraction(int(fraction), 10 ** len(fraction)) if fraction else 0)
    scaled = exact * 10**decimals
    assert scaled.denominator == 1
    return "OUT_OF_BOUNDS" if scaled > most else int(scaled)


def round_half_up(value: Fraction) -> int:
    """The nearest whole number, one half upwards (CATAIR AE note (hh): 123.54500 becomes 123.55)."""
    floor = value.numerator // value.denominator
    return floor + 1 if value - floor >= Fraction(1, 2) else floor
