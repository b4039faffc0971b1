"""Removal of the IEEPA numbers of one entry, slowly, from the handbook (chapter 5) and clarifications 13 and 19-29.

Plain integers and fractions over the few tariff numbers of `reference.law`; independent of the kernels and of the
engine's rule files.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from fractions import Fraction

from reference.duty import Goods, Measure, NotComputable, dollars, duty_cents, half_up
from reference.law import LAW, ZERO, Fact, Period

D = dt.date
AS_OF = D(2026, 7, 1)


@dataclass(frozen=True)
class Number:
    """One tariff number on a line: cents filed, dollars of value (None missing), three quantities."""

    hts: str
    duty: int
    value: int | None
    measures: tuple[Measure, Measure, Measure] = (Measure(), Measure(), Measure())

    @property
    def fact(self) -> Fact:
        """What the law says about it."""
        return LAW[self.hts]

    @property
    def ieepa(self) -> bool:
        """Whether it is one of the 166."""
        return self.fact.kind in {"additional", "replacement", "exempt"}

    @property
    def rank(self) -> int:
        """Place in the accepted order 98, 99, 1-97."""
        return {"98": 0, "99": 1}.get(self.hts[:2], 2)


@dataclass(frozen=True)
class Line:
    """One line of an entry."""

    numbers: tuple[Number, ...]
    component: bool = False
    spi: str = ""
    day: dt.date | None = None


@dataclass(frozen=True)
class Choice:
    """The settings that matter here."""

    tolerance: int = 299
    restore: bool = True
    move: bool = True
    remove_exempt: bool = True
    borderline: str = "inside"
    summary_inclusive: bool = True
    as_of: dt.date = AS_OF


@dataclass
class LineAnswer:
    """What one line becomes."""

    duties: list[int]
    changes: list[str]
    trial: set[str] = field(default_factory=set)
    flags: set[str] = field(default_factory=set)
    second: int | None = None


@dataclass
class Answer:
    """What an entry becomes."""

    filed: int
    removed: int
    new: int
    trial: set[str]
    flags: set[str]
    lines: list[LineAnswer]
    second: int | None


def is_removed(number: Number, choice: Choice) -> bool:
    """Whether removal takes the number away."""
    fact = number.fact
    if fact.borderline:
        wanted = {"inside": {"inside"}, "none": set(), "all": {"inside", "outside"}}[choice.borderline]
        return choice.remove_exempt and fact.borderline in wanted
    return fact.kind in {"additional", "replacement"} or (fact.kind == "exempt" and choice.remove_exempt)


def on_day(fact: Fact, day: dt.date | None) -> Period | None:
    """The period of that day; without a day the only one there is."""
    if day is None:
        return fact.periods[0] if len(fact.periods) == 1 else None
    return next((period for period in fact.periods if period.start <= day <= period.end), None)


def column1(number: Number, line: Line, value: int | None, *, programme: bool = True) -> int | None:
    """Column 1 duty: the programme claimed where it is listed and computable, else General."""
    goods = Goods(None if value is None else Fraction(value), number.measures)
    fact = number.fact
    if not fact.periods:
        return None
    if programme and line.spi:
        if line.spi in fact.free:
            return 0
        if line.spi in fact.special:
            cents = duty_cents(fact.special[line.spi], goods)
            if cents is not None:
                return cents
    formula = fact.periods[0].formula
    return None if formula is None else duty_cents(formula, goods)


def exact_general(number: Number, value: int) -> Fraction | None:
    """General duty in cents before rounding, for the 15 % test."""
    formula = number.fact.periods[0].formula if number.fact.periods else None
    if formula is None:
        return None
    try:
        return dollars(formula, Goods(Fraction(value), number.measures)) * 100
    except NotComputable:
        return None


@dataclass(frozen=True)
class Placed:
    """Value of a line after goods value on an IEEPA record is placed."""

    value: int
    word: str = ""


def place(line: Line, choice: Choice) -> Placed:
    """Move, drop or flag goods value that stands on an IEEPA number (handbook 5.7, clarification 26)."""
    worth = {id(number): number.value or 0 for number in line.numbers}
    total = sum(worth.values())
    ieepa = [number for number in line.numbers if number.ieepa]
    bases = [number for number in line.numbers if number.fact.kind == "base"]
    valued = [number for number in ieepa if worth[id(number)]]
    on_ieepa = sum(worth[id(number)] for number in ieepa)
    beside_98 = any(number.fact.kind == "chapter98" for number in line.numbers)
    if not ieepa or line.component:
        return Placed(total)
    if total == 0:
        return Placed(0, "VALUE_NOT_PLACED")
    if beside_98:
        return Placed(total, "VALUE_NOT_PLACED" if on_ieepa == total else "")
    if not valued:
        return Placed(total)
    if any(worth[id(number)] for number in bases):
        return Placed(total - on_ieepa, "VALUE_DOUBLE")
    if choice.move and len(valued) == 1 and on_ieepa == total and len(bases) == 1:
        return Placed(total, "VALUE_MOVED")
    return Placed(total, "VALUE_NOT_PLACED")


def second_mode(line: Line, value: int, choice: Choice) -> tuple[int | None, bool]:
    """(mode B duty of the line or None, whether a number that should carry duty was filed with 0)."""
    kept = [number for number in line.numbers if not is_removed(number, choice)]
    bases = [number for number in line.numbers if number.fact.kind == "base"]
    eights = [number for number in line.numbers if number.fact.kind == "chapter98"]
    nines = [number for number in kept if number.rank == 1]
    periods = {id(number): on_day(number.fact, line.day) for number in [*nines, *eights]}
    covered = any(period.all_in for n in nines if (period := periods[id(n)]))
    amounts: list[int | None] = []
    owed = False
    for number in kept:
        if number.fact.kind == "chapter98":
            continue
        if number.fact.kind == "base":
            amount: int | None = 0
            if not covered:
                amount = column1(number, line, value if len(bases) == 1 else number.value)
        else:
            period = periods[id(number)]
            formula = period.formula if period else None
            amount = None if formula is None else duty_cents(formula, Goods(Fraction(value), number.measures))
        amounts.append(amount)
        if amount and number.duty == 0 and (number.rank == 2 or not (line.component or eights)):
            owed = True
    zero = any(period.formula == ZERO for n in eights if (period := periods[id(n)]))
    if line.component or zero:
        return 0, owed
    if eights or not bases or value <= 0 or any(amount is None for amount in amounts):
        return None, owed
    return sum(amount or 0 for amount in amounts), owed


def trial_of(line: Line, choice: Choice) -> set[str]:
    """What the trial removal finds on a line (handbook 5.9)."""
    found = set()
    ieepa = [number for number in line.numbers if number.ieepa]
    bases = [number for number in line.numbers if number.fact.kind == "base"]
    eights = [number for number in line.numbers if number.fact.kind == "chapter98"]
    ranks = [number.rank for number in line.numbers]
    if ranks != sorted(ranks) and len(eights) < 2:
        found.add("ORDER_BROKEN")
    if (
        not bases
        and not eights
        and any(number.rank == 1 and (number.ieepa or not is_removed(number, choice)) for number in line.numbers)
    ):
        found.add("PARTNER_MISSING")
    replacing = choice.restore and not eights and not line.component
    if replacing and not bases and any(number.fact.kind == "replacement" for number in ieepa):
        found.add("PARTNER_MISSING")
    for number in line.numbers:
        active = line.day is None or not number.fact.periods or on_day(number.fact, line.day) is not None
        if number.fact.kind == "never":
            found.add("NUMBER_INACTIVE")
        elif number.ieepa and not active:
            found.add("IEEPA_INACTIVE")
        elif number.rank < 2 and not active and not is_removed(number, choice):
            found.add("NUMBER_INACTIVE")
    if any(number.value for number in ieepa):
        found.add("VALUE_ON_IEEPA")
    if ieepa and bases and not any(number.value for number in [*bases, *eights]):
        found.add("VALUE_MISSING_BASE")
    return found


def above_rate(number: Number, line: Line, value: int, choice: Choice) -> bool:
    """Whether an additional or exempt number carries more than rate x value beyond the tolerance."""
    period = on_day(number.fact, line.day)
    formula = period.formula if period else None
    if formula is None:
        formula = max((p.formula for p in number.fact.periods if p.formula), key=lambda one: one.p2)
    return number.duty - half_up(formula.p2 * value * 100) > choice.tolerance


def do_line(line: Line, choice: Choice) -> LineAnswer:
    """Remove, restore and compare one line."""
    placed = place(line, choice)
    duties = [0 if is_removed(number, choice) else number.duty for number in line.numbers]
    changes = ["removed" if is_removed(number, choice) else "kept" for number in line.numbers]
    answer = LineAnswer(duties, changes, trial_of(line, choice), {placed.word} - {""})
    answer.second, owed = second_mode(line, placed.value, choice)
    bases = [index for index, number in enumerate(line.numbers) if number.fact.kind == "base"]
    eights = any(number.fact.kind == "chapter98" for number in line.numbers)
    replacements = [number for number in line.numbers if number.fact.kind == "replacement"]
    ieepa = [number for number in line.numbers if number.ieepa]
    if eights:
        answer.flags.add("CHAPTER_98")
    if "IEEPA_INACTIVE" in answer.trial:
        answer.flags.add("OUTSIDE_OWN_DATES")
    if replacements and choice.restore and not eights and not line.component:
        restore(line, choice, placed.value, bases, replacements, answer)
    elif placed.word == "VALUE_MOVED" and not replacements:
        base = bases[0]
        cents = column1(line.numbers[base], line, placed.value)
        answer.changes[base] = "moved_value"
        if cents is not None:
            answer.duties[base] = cents
    if placed.word == "VALUE_MOVED" and "UNABLE" not in answer.trial:
        answer.changes[bases[0]] = "moved_value"
    charged = [number for number in ieepa if number.fact.kind in {"additional", "exempt"}]
    if placed.value > 0 and not line.component and any(above_rate(n, line, placed.value, choice) for n in charged):
        answer.flags |= {"IEEPA_ABOVE_RATE", "BUNDLED_DUTY"} if owed else {"IEEPA_ABOVE_RATE"}
    return answer


def restore(
    line: Line, choice: Choice, value: int, bases: list[int], replacements: list[Number], answer: LineAnswer
) -> None:
    """Put column 1 back on the base number of a replacement line, by the layout the amounts show."""
    if len(bases) != 1 or value <= 0:
        answer.trial.add("UNABLE")
        return
    base = line.numbers[bases[0]]
    duty = column1(base, line, value)
    if duty is None:
        answer.trial.add("UNABLE")
        return
    all_in = half_up(Fraction(15, 100) * value * 100)
    filed = sum(number.duty for number in replacements)
    if at_15(base, line, value, korea=any(number.fact.korea for number in replacements)):
        answer.flags.add("COLUMN1_AT_OR_ABOVE_15")
    full = base.duty <= choice.tolerance and abs(filed - all_in) <= choice.tolerance
    split = abs(base.duty - duty) <= choice.tolerance and abs(filed - (all_in - duty)) <= choice.tolerance
    if len(replacements) > 1 or not (full or split):
        answer.flags.add("REPLACEMENT_LAYOUT_UNKNOWN")
    elif split and not full:
        return
    answer.duties[bases[0]] = duty
    if duty != base.duty:
        answer.changes[bases[0]] = "restored"
        answer.flags.add("COLUMN1_RESTORED")


def at_15(base: Number, line: Line, value: int, *, korea: bool) -> bool:
    """Column 1 at or above 15 % of the value: General, or the rate claimed where the heading says so."""
    claimed = column1(base, line, value)
    general = exact_general(base, value)
    compared = Fraction(claimed or 0)
    if general is not None and (not korea or claimed == column1(base, replace(line, spi=""), value)):
        compared = general
    return compared >= Fraction(15, 100) * value * 100


def do_entry(lines: list[Line], choice: Choice) -> Answer:
    """Remove the IEEPA numbers of one entry."""
    answers = [do_line(line, choice) for line in lines]
    numbers = [number for line in lines for number in line.numbers]
    trial = set().union(*(answer.trial for answer in answers))
    flags = set().union(*(answer.flags for answer in answers))
    charging = [number for number in numbers if number.fact.kind in {"additional", "replacement"}]
    ieepa = [number for number in numbers if number.ieepa]
    if not charging:
        trial.add("NO_CHARGING_NUMBER")
        if any(number.fact.section_122 for number in numbers):
            trial.add("SECTION_122_ONLY")
    if not ieepa:
        trial.add("NO_IEEPA_NUMBER")
    if not any(number.duty for number in ieepa):
        trial.add("NO_IEEPA_AMOUNT")
    filed = sum(number.duty for number in numbers)
    removed = sum(number.duty for number in numbers if is_removed(number, choice))
    new = sum(sum(answer.duties) for answer in answers)
    second: int | None = 0
    for answer in answers:
        second = None if second is None or answer.second is None else second + answer.second
        if answer.second is not None and abs(sum(answer.duties) - answer.second) > choice.tolerance:
            flags.add("MODE_GAP")
    if second is None:
        flags.add("NOT_RECOMPUTABLE")
    elif abs(new - second) > choice.tolerance or (
        not choice.summary_inclusive and abs(new - second) == choice.tolerance
    ):
        flags.add("MODE_GAP")
    return Answer(filed, removed, new, trial, flags, answers, second)
