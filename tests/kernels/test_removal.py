"""Removal and recompute against the slow twin: generated entries over numbers of every class, all settings."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

from hypothesis import given, settings

from cape_engine.mass_processing import RULES
from cape_engine.schema.codes import Change, Flag, Trial
from cape_kernels import status as s
from mass.builders import run
from mass.strategies import as_rows, as_settings, choices, entries
from reference.duty import Measure
from reference.removal import Choice, Line, LineAnswer, Number, do_entry

COMPARED = (
    Flag.BUNDLED_DUTY
    | Flag.CHAPTER_98
    | Flag.COLUMN1_AT_OR_ABOVE_15
    | Flag.COLUMN1_RESTORED
    | Flag.IEEPA_ABOVE_RATE
    | Flag.MODE_GAP
    | Flag.NOT_RECOMPUTABLE
    | Flag.OUTSIDE_OWN_DATES
    | Flag.REPLACEMENT_LAYOUT_UNKNOWN
    | Flag.VALUE_DOUBLE
    | Flag.VALUE_MOVED
    | Flag.VALUE_NOT_PLACED
)


@settings(max_examples=200)
@given(lines=entries(), choice=choices)
def test_process__equals_slow_twin(lines: list[Line], choice: Choice) -> None:
    """Money, changes, trial bits, flags and both modes are exactly those of the handbook, worked out slowly."""
    wanted = do_entry(lines, choice)
    found = run(as_rows(lines), settings=as_settings(choice))
    assert found.filed_duty_cents[0] == wanted.filed
    assert found.removed_ieepa_cents[0] == wanted.removed
    assert found.recalculated_duty_cents[0] == wanted.new
    assert found.recalculated_number_cents.tolist() == [duty for line in wanted.lines for duty in line.duties]
    assert [Change(code).name.lower() for code in found.change.tolist()] == [
        change for line in wanted.lines for change in line.changes
    ]
    assert {bit.name for bit in Trial if int(found.trial[0]) & bit} == wanted.trial
    assert {bit.name for bit in COMPARED if int(found.flags[0]) & bit} == wanted.flags
    assert found.gap_known.tolist() == [line.second is not None for line in wanted.lines]
    assert found.gap_cents.tolist() == [
        0 if line.second is None else sum(line.duties) - line.second for line in wanted.lines
    ]
    assert bool(found.recomputed_known[0]) == (wanted.second is not None)
    assert found.recomputed_duty_cents[0] == (wanted.second or 0)
    rules = iter(found.rule.tolist())
    for line, answer in zip(lines, wanted.lines, strict=True):
        for number, change in zip(line.numbers, answer.changes, strict=True):
            assert RULES[next(rules)].startswith(rule_of(number, change, line, answer))


def rule_of(number: Number, change: str, line: Line, answer: LineAnswer) -> str:
    """How the rule of a number begins; base numbers on replacement lines and of moved values have their own cases."""
    kind = number.fact.kind
    if change == "removed":
        return f"5.1 {kind if kind in {'additional', 'replacement'} else 'exempt'} IEEPA number removed"
    replaced = any(other.fact.kind == "replacement" for other in line.numbers)
    return "" if kind == "base" and (replaced or "VALUE_MOVED" in answer.flags) else "kept as filed"


def test_quantities__any_order_of_numbers() -> None:
    """A number finds its own quantities although other numbers before and behind it have units without amounts."""
    unit, none = (Measure(None, "KG"), Measure(None, None), Measure(None, None)), (Measure(None, None),) * 3
    weighed = (Measure(Fraction(100), "KG"), Measure(None, None), Measure(None, None))
    day = dt.date(2025, 2, 20)
    lines = [
        Line((Number("99030124", 0, 0, none), Number("99030125", 0, 0, unit), Number("84717040", 0, 1, unit)), day=day),
        Line(
            (Number("99030130", 0, 0, none), Number("99030125", 0, 0, unit), Number("07031020", 83, 1, weighed)),
            day=day,
        ),
        Line((Number("99030125", 0, 0, unit),), day=day),
    ]
    found = run(as_rows(lines))
    assert found.gap_known.tolist() == [True, True, False]
    assert found.gap_cents.tolist() == [0, 0, 0]


def test_status__same_masks_as_schema() -> None:
    """Kernels import nothing of the engine, so their copies of the masks, changes and rules are held equal here."""
    for kind, prefix in ((Trial, "TRIAL_"), (Flag, "FLAG_"), (Change, "CHANGE_")):
        own = {name: value for name, value in vars(s).items() if name.startswith(prefix)}
        assert own
        assert own == {f"{prefix}{bit.name}": bit.value for bit in kind if f"{prefix}{bit.name}" in own}
    assert max(value for name, value in vars(s).items() if name.startswith("RULE_")) == len(RULES) - 1
