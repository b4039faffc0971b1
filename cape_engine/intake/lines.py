"""Lines: too many numbers on one, and older headings whose amount is that of the whole line on every row."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from cape_engine.bridge import Bools, Int64s
from cape_engine.findings import Findings
from cape_engine.intake.bulk import add_rows
from cape_engine.intake.chunk import ORDINALS
from cape_engine.intake.entries import key_texts
from cape_engine.intake.entry_facts import is_goods
from cape_engine.intake.gather import Rows
from cape_engine.intake.words import Vocabularies
from cape_engine.schema import rows as s
from cape_engine.schema.column import Column
from cape_engine.settings import Settings

Repeats: TypeAlias = Mapping[Column, Collection[int]]
"""Columns given under an older heading, and the files that do so."""

_USUAL_NUMBERS = 16  # CSMS 65385089 speaks of 32; older filing software of 16


@dataclass(slots=True)
class Lines:
    """The lines of all entries, refused ones included.

    Attributes:
        starts: the first row of each line, and the end.
        kept: which rows count (repeated ones do not); None: all.
        numbers: tariff numbers on each line.
        entry: the entry of each line.
    """

    starts: Int64s
    kept: Bools | None
    numbers: Int64s
    entry: Int64s


def split_lines(rows: Rows, kept: Bools | None) -> Lines:
    """The lines of the rows."""
    line = rows.place // np.int32(ORDINALS)
    edge = np.ones(len(line), bool)
    np.not_equal(line[1:], line[:-1], out=edge[1:])
    edge[rows.entry_starts[:-1][rows.entry_starts[:-1] < len(line)]] = True
    first = np.flatnonzero(edge)
    starts = np.append(first, len(line)).astype(np.int64)
    if kept is None:
        numbers = np.diff(starts)
    else:
        numbers = np.diff(np.concatenate([[0], np.cumsum(kept)]).astype(np.int64)[starts])
    return Lines(starts, kept, numbers, rows.entry[first].astype(np.int64))


def check_lengths(rows: Rows, lines: Lines, settings: Settings, findings: Findings) -> None:
    """Refuse entries with more numbers on a line than allowed; mention unusually long lines."""
    most = settings.number("mass.max_tariffs_per_line")
    many = np.flatnonzero(lines.numbers > min(most, _USUAL_NUMBERS))
    if len(many) == 0:
        return
    over = lines.numbers[many] > most
    for code, chosen in (("LINE_TARIFFS_TOO_MANY", many[over]), ("LINE_TARIFFS_MANY", many[~over])):
        row = lines.starts[chosen]
        add_rows(
            findings,
            code,
            len(chosen),
            source=rows.names_of(row),
            row=rows.numbers_of(row),
            value=lines.numbers[chosen],
            entry=key_texts(rows.keys[lines.entry[chosen]]),
            line=rows.place[row] // ORDINALS,
            high=str(most),
        )
    rows.refused[lines.entry[many[over]]] = True


def repeated_amounts(rows: Rows, lines: Lines, repeats: Repeats) -> dict[tuple[Column, int], bool]:
    """For each older heading and file: whether all lines here that could tell repeat their amount on every row.

    A line can tell when it has several numbers, all rows of files with such a heading, and an amount; of several
    files the first is told by it. Files without such a line are left out.

    Args:
        rows: the rows.
        lines: their lines.
        repeats: the columns in question and the files that give them under such a heading.
    """
    found: dict[tuple[Column, int], bool] = {}
    for column, sources in repeats.items():
        for number in sorted(sources):
            tested, same = _tested(rows, lines, column, number, sources)
            if tested.any():
                found[column, number] = bool(same[tested].all())
    return found


def settle_repeats(
    rows: Rows,
    lines: Lines,
    repeated: Collection[tuple[Column, int]],
    repeats: Repeats,
    vocabularies: Vocabularies,
    findings: Findings,
) -> dict[int, int]:
    """Act on files whose older heading repeats the line's amount on every row.

    A repeated value is kept on the chapter 1-97 number; a repeated duty refuses the entry: its split is unknown.

    Args:
        rows: the rows.
        lines: their lines.
        repeated: columns and files, as `repeated_amounts` of all rows of the import found them.
        repeats: as for `repeated_amounts`.
        vocabularies: knows the tariff numbers.
        findings: takes what was found.

    Returns:
        For each file, the lines whose value was kept on one number.
    """
    settled: dict[int, int] = {}
    for column, number in sorted(repeated):
        tested, _same = _tested(rows, lines, column, number, repeats[column])
        chosen = np.flatnonzero(tested)
        if len(chosen) and column == s.VALUE_DOLLARS:
            settled[number] = _keep_on_goods(rows, lines, chosen, vocabularies, findings)
        elif len(chosen):
            _refuse_duty(rows, lines, chosen, findings)
    return settled


def _tested(rows: Rows, lines: Lines, column: Column, number: int, sources: Collection[int]) -> tuple[Bools, Bools]:
    """(lines that could tell of a file, lines with the same amount on every row) for an older heading.

    Rows that repeat another one, as those of overlapping exports do, have its amounts; one under a heading that gives
    the amount of each number says that these are no repetition, whichever file comes first.
    """
    values = rows.facts.get(s.DUTY_CENTS if column == s.DUTY else column)
    if values is None or len(values) == 0:
        nothing = np.zeros(len(lines.numbers), bool)
        return nothing, nothing
    amount = np.maximum(values, 0)
    begin = lines.starts[:-1]
    low, high = np.minimum.reduceat(amount, begin), np.maximum.reduceat(amount, begin)
    first = np.minimum.reduceat(rows.source, begin)
    older = np.logical_and.reduceat(np.isin(rows.source, sorted(sources)), begin)
    tested = (lines.numbers > 1) & (high > 0) & (first == number) & older
    return tested, low == high


def _refuse_duty(rows: Rows, lines: Lines, repeated: Int64s, findings: Findings) -> None:
    """Lines whose duty is repeated on every row."""
    row = lines.starts[repeated]
    add_rows(
        findings,
        "LINE_DUTY_REPEATED",
        len(repeated),
        source=rows.names_of(row),
        row=rows.numbers_of(row),
        column=rows.label(s.DUTY_CENTS, row),
        entry=rows.entry_texts(row),
        line=rows.place[row] // ORDINALS,
    )
    rows.refused[lines.entry[repeated]] = True


def _keep_on_goods(rows: Rows, lines: Lines, repeated: Int64s, vocabularies: Vocabularies, findings: Findings) -> int:
    """Lines whose value is repeated on every row: it stays on the chapter 1-97 number; how many do so."""
    goods = is_goods(rows, vocabularies)
    if lines.kept is not None:
        goods &= lines.kept
    counted = np.concatenate([[0], np.cumsum(goods)])
    number = np.diff(counted[lines.starts])[repeated]
    several = repeated[number > 1]
    row = lines.starts[several]
    add_rows(
        findings,
        "LINE_VALUE_SPLIT_UNKNOWN",
        len(several),
        source=rows.names_of(row),
        row=rows.numbers_of(row),
        column=rows.label(s.VALUE_DOLLARS, row),
        entry=rows.entry_texts(row),
        line=rows.place[row] // ORDINALS,
    )
    rows.refused[lines.entry[several]] = True
    single = repeated[number == 1]
    chosen = np.zeros(len(lines.numbers), bool)
    chosen[single] = True
    in_line = np.repeat(chosen, np.diff(lines.starts))
    cleared = rows.facts[s.VALUE_DOLLARS].copy()
    cleared[in_line & ~goods] = 0
    rows.facts[s.VALUE_DOLLARS] = cleared
    return len(single)
