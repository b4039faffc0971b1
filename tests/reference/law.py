"""What the law says about a few tariff numbers, written down by hand from the HTS for the slow twin of removal."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from fractions import Fraction

from reference.duty import Formula

FIRST, LAST = dt.date(1900, 1, 1), dt.date(2999, 12, 31)
D = dt.date


@dataclass(frozen=True)
class Period:
    """A rate of a number in a period, both ends inclusive; no formula where the duty cannot be computed."""

    formula: Formula | None
    start: dt.date = FIRST
    end: dt.date = LAST
    all_in: bool = False


@dataclass(frozen=True)
class Fact:
    """What the law says about a number.

    `kind` is additional, replacement, exempt, never, base, chapter98 or other; `section_122` marks its charging number.
    """

    kind: str
    periods: tuple[Period, ...] = ()
    free: frozenset[str] = frozenset()
    special: dict[str, Formula] = field(default_factory=dict)
    korea: bool = False
    section_122: bool = False
    borderline: str = ""
    known: bool = True


def percent(rate: str) -> Formula:
    """A percentage of the value."""
    return Formula("7", p2=Fraction(rate))


ZERO = Formula("0")
UNTIL_END = D(2026, 2, 23)
FTA = frozenset({"KR", "S", "AU"})

LAW: dict[str, Fact] = {
    "99030124": Fact(
        "additional",
        (Period(percent("0.2"), D(2025, 3, 4), D(2025, 11, 9)), Period(percent("0.1"), D(2025, 11, 10), UNTIL_END)),
    ),
    "99030125": Fact("additional", (Period(percent("0.1"), D(2025, 4, 5), UNTIL_END),)),
    "99030163": Fact(
        "additional",
        (
            Period(percent("0.84"), D(2025, 4, 9), D(2025, 4, 9)),
            Period(percent("1.25"), D(2025, 4, 10), D(2025, 5, 13)),
            Period(None, D(2025, 5, 14), UNTIL_END),
        ),
    ),
    "99030130": Fact("exempt", (Period(ZERO, D(2025, 4, 5), UNTIL_END),)),
    "99030276": Fact("exempt", (Period(ZERO, D(2025, 9, 16), UNTIL_END),), borderline="inside"),
    "99030220": Fact("replacement", (Period(percent("0.15"), D(2025, 8, 7), UNTIL_END, all_in=True),)),
    "99030280": Fact("replacement", (Period(percent("0.15"), D(2025, 11, 14), UNTIL_END, all_in=True),), korea=True),
    "99030135": Fact("never", known=False),
    "99038803": Fact("other", (Period(percent("0.25"), D(2019, 5, 10)),)),
    "99038815": Fact("other", (Period(percent("0.075"), D(2020, 2, 14)),)),
    "99038501": Fact("other", (Period(percent("0.1"), D(2018, 3, 23), D(2025, 3, 11)),)),
    "99038508": Fact("other", (Period(None, D(2025, 3, 12), D(2026, 4, 5)),)),
    "99039451": Fact("other", (Period(percent("0.15"), D(2025, 8, 1), all_in=True),)),
    "99039601": Fact("other", (Period(ZERO, D(2025, 6, 30)),), borderline="outside"),
    "99030301": Fact("other", (Period(percent("0.1"), D(2026, 2, 24), D(2026, 7, 23)),), section_122=True),
    "99999900": Fact("other", known=False),
    "98010010": Fact("chapter98", (Period(ZERO, D(2025, 1, 1)),)),
    "98020080": Fact("chapter98", (Period(None, D(2025, 1, 1)),)),
    "84717040": Fact("base", (Period(ZERO),)),
    "39239000": Fact("base", (Period(percent("0.03")),), FTA),
    "61091000": Fact("base", (Period(percent("0.165")),), FTA),
    "07031020": Fact("base", (Period(Formula("1", Fraction("0.0083"), unit="KG", whole=True)),), FTA),
    "01022940": Fact("base", (Period(Formula("2", Fraction("0.01"), unit="KG", whole=True)),), FTA),
    "24021030": Fact("base", (Period(Formula("5", Fraction("1.89"), Fraction("0.047"), unit="KG")),), FTA),
    "65050008": Fact(
        "base",
        (Period(Formula("6", Fraction("0.019"), Fraction("0.063"), Fraction("0.135"), "NO", "KG", True, True)),),
        FTA,
    ),
    "22043000": Fact(
        "base", (Period(Formula("3", Fraction("0.044"), Fraction(0), Fraction("0.314"), "L", "PFL")),), FTA
    ),
    "02011050": Fact("base", (Period(percent("0.264")),), frozenset({"S"}), {"KR": percent("0.017")}),
    "91011140": Fact("base", (Period(None),), FTA),
    "01000000": Fact("base", known=False),
}
"""Facts as the HTS has them in the second half of 2025 (02011050: before 2026, when Korea's rate became Free)."""
