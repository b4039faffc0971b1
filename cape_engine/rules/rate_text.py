"""Reads duty rates as the tariff prints them (`5.7¢/kg + 0.9%`) into rates by computation code, or says it cannot."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cape_engine.money import RATE_DECIMALS, parse_scaled
from cape_engine.rules import Ruleset, plain_word
from cape_engine.rules.rows import Rate

_PERCENT = re.compile(r"([\d.]+)\s*%", re.ASCII)
_SPECIFIC = re.compile(r"(?:\$\s*([\d.,]+)|([\d.,]+)\s*¢)\s*(/|(?=each\b))\s*([^%¢$]+)", re.ASCII | re.IGNORECASE)
_HUNDREDTH = RATE_DECIMALS - 2  # decimals of a percent or a cent that still fit the scale

# Quantity slots of the specific parts, with or without a percentage -> computation code (CATAIR Appendix F).
_CODES = {
    ((1,), False): "1",
    ((2,), False): "2",
    ((1, 2), False): "3",
    ((1,), True): "4",
    ((2,), True): "5",
    ((1, 2), True): "6",
    ((), True): "7",
    ((3,), True): "D",
    ((2, 3), True): "E",
}


@dataclass(frozen=True, slots=True)
class Specific:
    """One specific part of a rate: billionths of a dollar per printed unit."""

    rate_e9: int
    unit: str


@dataclass(frozen=True, slots=True)
class RateParts:
    """What a rate text says, before its units are matched with those of a number.

    Attributes:
        text: the text as read.
        ad_valorem_e9: billionths of the value; None when there is no percentage.
        specifics: the specific parts in the order printed; none of both for Free.
    """

    text: str
    ad_valorem_e9: int | None
    specifics: tuple[Specific, ...]

    @property
    def free(self) -> bool:
        """Whether no duty is due."""
        return self.ad_valorem_e9 is None and not self.specifics


def parse_rate_text(text: str) -> RateParts | None:
    """What a rate text says; None for every text that is not wholly `Free`, percentages and amounts per unit.

    Args:
        text: a rate as the HTS or the ES-003 column `Column 1 Current Primary Duty Rate` prints it.
    """
    body = text.strip()
    if body.casefold() == "free":
        return RateParts(body, None, ())
    ad_valorem: int | None = None
    specifics: list[Specific] = []
    for part in body.split("+"):
        piece = part.strip()
        percent = _PERCENT.fullmatch(piece)
        if percent is not None:
            value = parse_scaled(percent[1], _HUNDREDTH)
            if not isinstance(value, int) or ad_valorem is not None:
                return None
            ad_valorem = value
            continue
        match = _SPECIFIC.fullmatch(piece)
        if match is None:
            return None
        value = parse_scaled(match[1], RATE_DECIMALS) if match[1] else parse_scaled(match[2], _HUNDREDTH)
        if not isinstance(value, int):
            return None
        specifics.append(Specific(value, match[4].strip()))
    return RateParts(body, ad_valorem, tuple(specifics))


def resolve(parts: RateParts, units: tuple[str, str, str], ruleset: Ruleset) -> Rate | None:
    """The rate by computation code for a number with those reporting units; None when the units do not fit.

    Args:
        parts: what the text says.
        units: ACE codes of quantities 1, 2 and 3, blank where there is none; all blank when they are not known.
        ruleset: for the units of rate texts.
    """
    if parts.free:
        return Rate("0", 0, "", 0, 0, "", "", parts.text, "")
    placed: list[tuple[int, int, str, str]] = []
    for position, specific in enumerate(parts.specifics, start=1):
        found = _place(specific, units, position, ruleset)
        if found is None:
            return None
        placed.append(found)
    placed.sort()
    code = _CODES.get((tuple(place[0] for place in placed), parts.ad_valorem_e9 is not None))
    if code is None:
        return None
    none = (0, 0, "", "")
    _, first_e9, first_unit, first_basis = placed[0] if placed else none
    _, other_e9, other_unit, other_basis = placed[1] if len(placed) > 1 else none
    basis = ";".join(dict.fromkeys(word for word in (first_basis, other_basis) if word))
    return Rate(code, first_e9, first_unit, parts.ad_valorem_e9 or 0, other_e9, other_unit, basis, parts.text, "")


def _place(
    specific: Specific, units: tuple[str, str, str], position: int, ruleset: Ruleset
) -> tuple[int, int, str, str] | None:
    """(quantity, rate per reporting unit, unit, basis) of one specific part."""
    for unit in ruleset.rate_units.get(plain_word(specific.unit), ()):
        if any(units) and unit.ace_code not in units:
            continue
        rate_e9, rest = divmod(specific.rate_e9, unit.divisor)
        if rest:
            return None
        quantity = units.index(unit.ace_code) + 1 if any(units) else position
        return quantity, rate_e9, unit.ace_code, unit.basis
    return None
