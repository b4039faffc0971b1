"""The road of every line that is not ordinary: laid out, treated, written down where detail asks for it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cape_kernels import status as s
from cape_kernels._jit import helper, routine
from cape_kernels.removal import general_line
from cape_kernels.scan import lay_out, number_of
from cape_kernels.tables import (
    MARK_IEEPA,
    MARK_REMOVED,
    MARK_UNKNOWN,
    RULE_BITS,
    RULE_SHIFT,
)
from cape_kernels.work import (
    WORK_AT,
    WORK_CENTS,
    WORK_DUTY,
)


class Added(NamedTuple):
    """What a line adds to its entry (int64)."""

    filed: int
    removed: int
    ieepa_duty: int
    restored: int
    gap: int
    known: int
    trial: int
    notes: int


@helper
def tell(told, entry, line, notes, status):  # type: ignore[no-untyped-def]
    """Add a line to what a person should hear of."""
    place = told.count[0]
    told.entry[place] = entry
    told.line[place] = line
    told.notes[place] = notes
    told.status[place] = status
    told.count[0] = place + 1


@helper
def tally_unknown(facts, shapes, rulings, sheet, entry, told):  # type: ignore[no-untyped-def]
    """Count the numbers of a line that our tables do not know (clarification 25)."""
    for column in range(facts.size):
        if rulings[sheet[WORK_AT, column]]["marks"] & MARK_UNKNOWN:
            number = number_of(facts, shapes, column)
            if told.unknown[number] == 0:
                told.unknown_entry[number] = entry
            told.unknown[number] += 1


@helper
def write_tariffs(facts, rulings, sheet, outcome, out, duties):  # type: ignore[no-untyped-def]
    """Before and after of each number of a line: change, rule, duty of the new version, and mode B if asked for."""
    for column in range(facts.size):
        marks = rulings[sheet[WORK_AT, column]]["marks"]
        filed = sheet[WORK_DUTY, column]
        change = s.CHANGE_KEPT
        rule = np.int64(s.RULE_NONE)
        duty = filed
        if marks & MARK_REMOVED:
            change = s.CHANGE_REMOVED
            rule = np.int64((marks >> RULE_SHIFT) & RULE_BITS)
            duty = np.int64(0)
        elif column == outcome.base and outcome.rule != s.RULE_NONE:
            rule = outcome.rule
            duty = outcome.new_base
            if outcome.notes & s.NOTE_MOVED:
                change = s.CHANGE_MOVED_VALUE
            elif duty != filed:
                change = s.CHANGE_RESTORED
        tariff = facts.first + column
        out.change[tariff] = change
        out.rule[tariff] = rule
        out.duty[tariff] = duty
        if duties == 1:
            out.recomputed[tariff] = sheet[WORK_CENTS, column]


@routine
def treat_generally(entry, facts, data, law, policy, work, outs):  # type: ignore[no-untyped-def]
    """What a line of any kind adds to its entry.

    `data` is (shapes, numbers, quantities).
    """
    shapes, tariffs, quantities = data
    _, line_out, tariff_out, told = outs
    line = facts.line
    sheet = work.sheet
    lay_out(facts, shapes, tariffs, quantities, law, policy, work)
    outcome = general_line(facts, law.rulings, law.numbers, law.rates, policy, sheet)
    tally_unknown(facts, shapes, law.rulings, sheet, entry, told)
    filed = removed = ieepa_duty = np.int64(0)
    for column in range(facts.size):
        cents = sheet[WORK_DUTY, column]
        marks = law.rulings[sheet[WORK_AT, column]]["marks"]
        filed += cents
        removed += cents if marks & MARK_REMOVED else np.int64(0)
        ieepa_duty += cents if marks & MARK_IEEPA else np.int64(0)
    if outcome.notes & s.NOTES_TOLD:
        tell(told, entry, line, outcome.notes, outcome.status)
    if policy.detail == 1:
        write_tariffs(facts, law.rulings, sheet, outcome, tariff_out, policy.duties)
        line_out.gap[line] = outcome.gap
        line_out.known[line] = outcome.known
    if policy.prices == 1:
        line_out.value[line] = outcome.value
        line_out.column1[line] = outcome.column1
        line_out.status[line] = outcome.column1_status
    return Added(filed, removed, ieepa_duty, outcome.restored, outcome.gap, outcome.known, outcome.trial, outcome.notes)
