"""One bucket of rows to a piece of the store: repeated rows, contradictions, lengths, facts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from cape_engine.bridge import Int64s
from cape_engine.findings import Findings
from cape_engine.intake.bulk import add_rows
from cape_engine.intake.entries import key_texts, wanted_check_digits
from cape_engine.intake.entry_facts import entry_facts, line_facts
from cape_engine.intake.gather import Rows, drop_duplicates, gather
from cape_engine.intake.lines import Repeats, check_lengths, repeated_amounts, settle_repeats, split_lines
from cape_engine.intake.stretch import Stretch
from cape_engine.intake.tables import Piece, piece_of
from cape_engine.intake.words import Vocabularies
from cape_engine.schema import facts as f
from cape_engine.schema.column import Column
from cape_engine.settings import Settings

_CHECK_DIGIT_BASE = 36


@dataclass(frozen=True, slots=True)
class Context:
    """What is the same for all buckets.

    Attributes:
        names: names of the files.
        labels: for each stored column and file, the file's own heading.
        vocabularies: words of all columns.
        settings: claim.check_digit and mass.max_tariffs_per_line count here.
        repeats: older headings, and the files that use them.
    """

    names: Sequence[str]
    labels: dict[Column, dict[int, str]]
    vocabularies: Vocabularies
    settings: Settings
    repeats: Repeats


def repeated_in(stretches: list[Stretch], context: Context) -> dict[tuple[Column, int], bool]:
    """What a bucket says about older headings (see `lines.repeated_amounts`)."""
    rows = gather(stretches, context.names, np.empty(0, np.int64))
    return repeated_amounts(rows, split_lines(rows, drop_duplicates(rows, Findings())), context.repeats)


def grouped(
    stretches: list[Stretch], refused: Int64s, repeated: Collection[tuple[Column, int]], context: Context
) -> tuple[Piece, dict[int, int], Findings]:
    """The entries of a bucket.

    Args:
        stretches: rows of the bucket, in the order in which they were read.
        refused: keys of entries that are known to be refused, ascending.
        repeated: columns and files with the line's amount on every row.
        context: what is the same for all buckets.

    Returns:
        The entries, for each file the lines whose repeated value was kept on one number, and everything found.
    """
    findings = Findings()
    rows = gather(stretches, context.names, refused)
    rows.labels = context.labels
    _check_digits(rows, context.settings, findings)
    lines = split_lines(rows, drop_duplicates(rows, findings))
    check_lengths(rows, lines, context.settings, findings)
    settled = settle_repeats(rows, lines, repeated, context.repeats, context.vocabularies, findings)
    of_entries = entry_facts(rows, context.vocabularies, findings)
    of_lines = line_facts(rows, lines.starts, context.vocabularies, findings)
    return piece_of(rows, lines, of_entries, of_lines), settled, findings


def _check_digits(rows: Rows, settings: Settings, findings: Findings) -> None:
    """Test the check digits (Appendix E): a warning by default, because CBP may add to the digit."""
    policy = settings.text("claim.check_digit")
    if policy == "off" or len(rows.keys) == 0:
        return
    wanted = wanted_check_digits(rows.keys)
    has_rows = rows.entry_starts[1:] > rows.entry_starts[:-1]
    wrong = np.flatnonzero((rows.keys % _CHECK_DIGIT_BASE != wanted) & has_rows)
    if len(wrong) == 0:
        return
    first: Int64s = rows.entry_starts[wrong]
    add_rows(
        findings,
        "ENTRY_CHECK_DIGIT" if policy == "warn" else "ENTRY_CHECK_DIGIT_REFUSED",
        len(first),
        source=rows.names_of(first),
        row=rows.numbers_of(first),
        column=rows.label(f.ENTRY_NUMBER, first),
        value=key_texts(rows.keys[wrong]),
        entry=key_texts(rows.keys[wrong]),
        wanted=wanted[wrong],
    )
    if policy == "reject":
        rows.refused[wrong] = True
