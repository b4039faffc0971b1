"""Lines: too many numbers on one, and older headings whose amount is that of the whole line on every row."""

from __future__ import annotations

from dataclasses import dataclass

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

_USUAL_NUMBERS = 16  # CSMS 65385089 speaks of 32; older filing software of 16


@dataclass(slots=True)
class Lines:
    """The lines of all entries, refused ones included.

    Attributes:
        starts: where each line begins in `rows.order`, and the end.
        kept: which places of `rows.order` count (repeated rows do not).
        numbers: tariff numbers on each line.
        entry: the entry of each line.
    """

    starts: Int64s
    kept: Bools
    numbers: Int64s
    entry: Int64s

    def first_rows(self, rows: Rows, lines: Int64s) -> Int64s:
        """The first row of some lines."""
        return rows.order[self.starts[lines]]


def split_lines(rows: Rows, kept: Bools) -> Lines:
    """The lines of the rows."""
    entry, line = rows.entry[rows.order], rows.place[rows.order] // ORDINALS
    edge = np.ones(len(entry), bool)
    edge[1:] = (entry[1:] != entry[:-1]) | (line[1:] != line[:-1])
    first = np.flatnonzero(edge)
    starts = np.append(first, len(entry)).astype(np.int64)
    counted = np.concatenate([[0], np.cumsum(kept)]).astype(np.int64)
    return Lines(starts, kept, np.diff(counted[starts]), entry[first].astype(np.int64))


def check_lengths(rows: Rows, lines: Lines, settings: Settings, findings: Findings) -> None:
    """Refuse entries with more numbers on a line than allowed; mention unusually long lines."""
    most = settings.number("mass.max_tariffs_per_line")
    many = np.flatnonzero(lines.numbers > min(most, _USUAL_NUMBERS))
    if len(many) == 0:
        return
    over = lines.numbers[many] > most
    for code, chosen in (("LINE_TARIFFS_TOO_MANY", many[over]), ("LINE_TARIFFS_MANY", many[~over])):
        row = lines.first_rows(rows, chosen)
        add_rows(
            findings,
            code,
            len(chosen),
            source=rows.names_of(row),
            row=rows.row[row],
            value=lines.numbers[chosen],
            entry=key_texts(rows.keys[lines.entry[chosen]]),
            line=rows.place[row] // ORDINALS,
            high=str(most),
        )
    rows.refused[lines.entry[many[over]]] = True


def settle_repeats(
    rows: Rows, lines: Lines, repeats: dict[Column, set[int]], vocabularies: Vocabularies, findings: Findings
) -> None:
    """Test, file by file, whether an older heading repeats the line's amount on every row, and act on it.

    It does when, in every line of several rows with an amount, all rows carry the same one. A repeated value is kept
    on the chapter 1-97 number; a repeated duty refuses the entry, because its split is unknown.

    Args:
        rows: the rows.
        lines: their lines.
        repeats: the columns in question and the files that give them under such a heading.
        vocabularies: knows the tariff numbers.
        findings: takes what was found.
    """
    for column, sources in repeats.items():
        values = rows.facts[s.DUTY_CENTS if column == s.DUTY else column]
        amount = np.maximum(values[rows.order], 0)
        source = rows.source[rows.order]
        if len(amount) == 0:
            continue
        begin = lines.starts[:-1]
        low, high = np.minimum.reduceat(amount, begin), np.maximum.reduceat(amount, begin)
        one_file = np.minimum.reduceat(source, begin) == np.maximum.reduceat(source, begin)
        for number in sorted(sources):
            tested = (lines.numbers > 1) & (high > 0) & one_file & (source[begin] == number)
            if not tested.any() or (low[tested] != high[tested]).any():
                continue
            if column == s.VALUE_DOLLARS:
                _keep_on_goods(rows, lines, np.flatnonzero(tested), vocabularies, findings)
            else:
                _refuse_duty(rows, lines, np.flatnonzero(tested), findings)


def _refuse_duty(rows: Rows, lines: Lines, repeated: Int64s, findings: Findings) -> None:
    """Lines whose duty is repeated on every row."""
    row = lines.first_rows(rows, repeated)
    add_rows(
        findings,
        "LINE_DUTY_REPEATED",
        len(repeated),
        source=rows.names_of(row),
        row=rows.row[row],
        column=rows.label(s.DUTY_CENTS, row),
        entry=rows.entry_texts(row),
        line=rows.place[row] // ORDINALS,
    )
    rows.refused[lines.entry[repeated]] = True


def _keep_on_goods(rows: Rows, lines: Lines, repeated: Int64s, vocabularies: Vocabularies, findings: Findings) -> None:
    """Lines whose value is repeated on every row: it stays on the chapter 1-97 number."""
    goods = is_goods(rows, vocabularies)[rows.order] & lines.kept
    counted = np.concatenate([[0], np.cumsum(goods)])
    number = np.diff(counted[lines.starts])[repeated]
    several = repeated[number > 1]
    row = lines.first_rows(rows, several)
    add_rows(
        findings,
        "LINE_VALUE_SPLIT_UNKNOWN",
        len(several),
        source=rows.names_of(row),
        row=rows.row[row],
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
    cleared[rows.order[in_line & ~goods]] = 0
    rows.facts[s.VALUE_DOLLARS] = cleared
    row = lines.first_rows(rows, repeated[:1])
    findings.add(
        "LINE_VALUE_REPEATED",
        source=rows.names_of(row)[0].as_py(),
        column=rows.label(s.VALUE_DOLLARS, row)[0].as_py(),
        value=len(single),
    )
