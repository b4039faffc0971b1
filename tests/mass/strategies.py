"""Hypothesis strategies for entries over the numbers of the slow twin, near the edges of every rule."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from cape_engine.schema import facts as f
from cape_engine.schema import rows as t
from mass.builders import entry, line, tariff
from reference.duty import Measure, half_up
from reference.law import LAW
from reference.removal import Choice, Line, Number, column1, on_day

DAYS = [
    dt.date(2025, 2, 20),
    dt.date(2025, 4, 10),
    dt.date(2025, 8, 6),
    dt.date(2025, 8, 7),
    dt.date(2025, 11, 9),
    dt.date(2025, 11, 10),
    dt.date(2025, 11, 14),
    dt.date(2025, 12, 31),
]
KINDS = {kind: [number for number, fact in LAW.items() if fact.kind == kind] for kind in ("base", "chapter98", "other")}
IEEPA = [number for number, fact in LAW.items() if fact.kind in {"additional", "replacement", "exempt", "never"}]
ALL_IN = {"99030220", "99030280"}
UNITS = ["KG", "NO", "L", "PFL", "DOZ"]

values = st.one_of(st.none(), st.just(0), st.integers(1, 200), st.integers(1, 9_999_999_999), st.just(10_000))
small = st.one_of(st.just(0), st.integers(-300, 300))
measures = st.tuples(
    st.one_of(st.none(), st.integers(0, 100_000), st.sampled_from([0, 49, 50, 12_345])),
    st.one_of(st.none(), st.sampled_from(UNITS)),
)
choices = st.builds(
    Choice,
    tolerance=st.sampled_from([299, 299, 0]),
    restore=st.sampled_from([True, True, True, False]),
    move=st.sampled_from([True, True, False]),
    remove_exempt=st.sampled_from([True, True, False]),
    borderline=st.sampled_from(["inside", "none", "all"]),
    summary_inclusive=st.booleans(),
)


@st.composite
def numbers(draw: st.DrawFn) -> list[Number]:
    """The numbers of a line: mostly well-formed, with amounts on or near what the rules expect."""
    value = draw(values)
    ieepa = draw(st.lists(st.sampled_from(IEEPA), max_size=2, unique=True))
    hts = [
        *draw(
            st.lists(st.sampled_from(KINDS["chapter98"]), max_size=draw(st.sampled_from([0, 0, 0, 1, 2])), unique=True)
        ),
        *draw(st.lists(st.sampled_from(KINDS["other"]), max_size=draw(st.sampled_from([0, 0, 1, 2])), unique=True)),
        *ieepa,
        *draw(
            st.lists(
                st.sampled_from(KINDS["base"]),
                min_size=draw(st.sampled_from([0, 1, 1, 1, 1])),
                max_size=draw(st.sampled_from([1, 1, 1, 2])),
                unique=True,
            )
        ),
    ]
    if draw(st.sampled_from([False] * 9 + [True])):
        hts = draw(st.permutations(hts))
    holder = draw(st.sampled_from(["base"] * 6 + ["ieepa", "both", "any"]))
    found = []
    for number in hts:
        kind = LAW[number].kind
        carries = (
            holder == "any"
            or (kind == "base") == (holder in {"base", "both"})
            or (holder == "both" and kind != "other")
        )
        held = value if carries and (kind == "base" or holder != "base") else draw(st.sampled_from([0, 0, None]))
        rate = draw(
            st.sampled_from([Fraction(0), Fraction(3, 100), Fraction(10, 100), Fraction(12, 100), Fraction(15, 100)])
        )
        if number in ALL_IN and draw(st.booleans()):
            rate = Fraction(15, 100)
        duty = max(0, int(rate * (value or 0) * 100) + draw(small))
        first, second, third = (Measure(*scaled(draw(measures))) for _ in range(3))
        found.append(Number(number, min(duty, 9_999_999_999), held, (first, second, third)))
    return found


def scaled(measure: tuple[int | None, str | None]) -> tuple[Fraction | None, str | None]:
    """Hundredths as a fraction."""
    return (None if measure[0] is None else Fraction(measure[0], 100)), measure[1]


@st.composite
def ordinary(draw: st.DrawFn) -> Line:
    """A line as filers make them: one base number with the value, IEEPA numbers, amounts right or nearly right."""
    day = draw(st.sampled_from(DAYS[3:]))
    value = draw(st.one_of(st.integers(1, 200), st.integers(1, 100_000_000), st.just(10_000)))
    base = draw(st.sampled_from(KINDS["base"]))
    kilos = draw(st.integers(0, 10_000_000))
    units = draw(st.permutations(["KG", "NO", "L"])) if draw(st.booleans()) else ["NO", "KG", "PFL"]
    first, second, third = (Measure(Fraction(kilos, 100), unit) for unit in units)
    held = first, second, third
    spi = draw(st.sampled_from(["", "", "KR", "S"]))
    probe = Line((Number(base, 0, value, held),), spi=spi, day=day)
    owed = column1(probe.numbers[0], probe, value) or 0
    top = draw(st.sampled_from([[], ["99030220"], ["99030280"]]))
    more = [] if top else draw(st.lists(st.sampled_from(IEEPA[:4]), min_size=1, max_size=2, unique=True))
    others = draw(st.sampled_from([[], [], ["99038815"], ["99039451"]]))
    layout = draw(st.sampled_from(["full", "full", "split", "odd"]))
    off = draw(st.sampled_from([0, 0, 299, -299, 300, -300, 1000]))
    duties = dict.fromkeys([*others, *more, *top, base], 0)
    for number in duties:
        period = on_day(LAW[number], day)
        if number != base and period is not None and period.formula is not None:
            duties[number] = half_up(period.formula.p2 * value * 100)
    duties[base] = 0 if (top and layout == "full") or "99039451" in others else owed
    if top and layout == "split":
        duties[top[0]] -= owed
    target = draw(st.sampled_from(sorted(duties)))
    if draw(st.sampled_from([True, False, False])) and more and duties[base]:
        duties[more[0]] += duties[base]
        duties[base] = 0
    else:
        duties[target] += off
    holder = draw(st.sampled_from([base] * 8 + [*top, *more]))
    twice = draw(st.sampled_from([True] + [False] * 9))
    found = tuple(
        Number(
            n,
            max(0, duty),
            value if n == holder or (twice and n == base) else 0,
            held if n == base else Number(n, 0, 0).measures,
        )
        for n, duty in duties.items()
    )
    component = draw(st.sampled_from([False] * 14 + [True]))
    return Line(found, component, spi, day)


odd_lines = st.builds(
    Line,
    numbers=numbers().filter(bool).map(tuple),
    component=st.sampled_from([False] * 9 + [True]),
    spi=st.sampled_from(["", "", "", "KR", "S", "A", "QQ"]),
)


@st.composite
def entries(draw: st.DrawFn) -> list[Line]:
    """Lines of one entry, on one rate date (missing now and then)."""
    day = draw(st.one_of(st.sampled_from(DAYS), st.sampled_from([*DAYS, None])))
    if draw(st.integers(0, 3)):
        first = draw(ordinary())
        others = draw(st.lists(st.one_of(ordinary(), odd_lines), max_size=2))
        return [first, *(replace(one, day=first.day) for one in others)]
    found = draw(st.lists(odd_lines, min_size=1, max_size=3))
    return [replace(one, day=day) for one in found]


def as_rows(found: list[Line], **facts: Any) -> dict[str, Any]:
    """The same entry as the builders take it."""
    return entry(
        *(
            line(
                *(
                    tariff(
                        n.hts,
                        n.duty,
                        n.value,
                        [(None if m.amount is None else int(m.amount * 100), m.unit) for m in n.measures],
                    )
                    for n in one.numbers
                ),
                **{t.SPI_CODE: one.spi or None, t.SET_INDICATOR: "V" if one.component else None},
            )
            for one in found
        ),
        **{f.ENTRY_DATE: found[0].day, **facts},
    )


def as_settings(choice: Choice) -> dict[str, object]:
    """The same settings as the engine takes them."""
    return {
        "mass.tolerance_cents": choice.tolerance,
        "mass.replacement_base": "restore" if choice.restore else "none",
        "mass.value_on_ieepa": "move" if choice.move else "flag",
        "mass.remove_exempt": choice.remove_exempt,
        "mass.borderline_numbers": choice.borderline,
        "mass.tolerance_summary_inclusive": choice.summary_inclusive,
    }
