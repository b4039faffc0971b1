"""Validates a folder of rule files to the last cell and across files, and reports every problem at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from cape_engine.errors import RuleFileError
from cape_engine.rules import Ruleset, calendars, read, tables
from cape_engine.rules.loading import contents, default_folder, load, text_of
from cape_engine.rules.rows import Dated
from cape_engine.rules.specials import derive
from cape_engine.schema import facts

IEEPA_CLASSES = {"additional": 114, "replacement": 5, "exempt": 47}
"""How many of the 166 numbers fall into each class: the history is closed, so these never change (handbook 5.1)."""

_STATUS_COLUMNS = (facts.LIQUIDATION_STATUS, facts.PROTEST_STATUS, facts.SUMMARY_STATUS, facts.CONTROL_STATUS)


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check of the rule files found.

    Attributes:
        folder: the folder checked.
        rows: rows of each file.
        facts: what the rules cover, as (name, value).
        notes: gaps and limits that are allowed but worth knowing.
        problems: what breaks the contract; empty when the rules may be used.
        hash: hash of the ruleset; blank when it cannot be loaded.
    """

    folder: str
    rows: dict[str, int] = field(default_factory=dict)
    facts: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    hash: str = ""

    @property
    def ok(self) -> bool:
        """Whether the rules may be used."""
        return not self.problems


def check(folder: Path | None = None) -> CheckReport:
    """Every row of every file read and compared with the others; bad rules are reported, not raised.

    Args:
        folder: the folder of rule files; the project's own without one.
    """
    place = default_folder() if folder is None else folder
    report = CheckReport(str(place))
    try:
        found = contents(place)
    except RuleFileError as error:
        return CheckReport(str(place), problems=[str(error)])
    for table in tables.ALL:
        try:
            report.rows[table.file] = len(read.rows(table, text_of(table.file, found[table.file])))
        except RuleFileError as error:
            report.problems.append(str(error))
    if report.problems:
        return report
    try:
        ruleset = load(place)
    except RuleFileError as error:
        report.problems.append(str(error))
        return report
    report.problems.extend(_problems(ruleset))
    report.problems.extend(_specials(ruleset, text_of(tables.SPECIAL.file, found[tables.SPECIAL.file])))
    report.facts.extend(_facts(ruleset))
    report.notes.extend(_notes(ruleset))
    return CheckReport(report.folder, report.rows, report.facts, report.notes, report.problems, ruleset.hash)


def classes(ruleset: Ruleset) -> dict[str, int]:
    """How many IEEPA numbers each class has; a number keeps one class through all its periods."""
    counts = dict.fromkeys(IEEPA_CLASSES, 0)
    for number in ruleset.ieepa_numbers:
        counts[ruleset.ieepa(number)[0].kind] += 1
    return counts


def _at(number: str) -> str:
    """Where an IEEPA number stands."""
    return f"ieepa_numbers.csv, hts_number={number}"


def _problems(ruleset: Ruleset) -> Iterator[str]:
    """What no single file can say."""
    if classes(ruleset) != IEEPA_CLASSES:
        found = classes(ruleset)
        yield f"ieepa_numbers.csv: the classes count {found}, not {IEEPA_CLASSES}. Restore the missing numbers."
    for number in ruleset.ieepa_numbers:
        kinds = {row.kind for row in ruleset.ieepa(number)}
        if len(kinds) > 1:
            yield f"{_at(number)}: more than one kind {sorted(kinds)}. A number keeps one class."
        block = ruleset.block(number)
        if block is None or block.family != "ieepa":
            yield f"{_at(number)}: outside the IEEPA blocks of number_blocks.csv. Correct the number."
    yield from _collection(ruleset)
    yield from _codes(ruleset)
    yield from _words(ruleset)


def _specials(ruleset: Ruleset, content: str) -> Iterator[str]:
    """Special rates against the special column they come from, cell by cell."""
    stored = {tuple(row) for _, row in read.cells(tables.SPECIAL, content)}
    derived = {tuple(row) for row in derive(ruleset)[1:]}
    if stored != derived:
        odd = min(stored ^ derived)
        yield f"special_rates.csv, hts8={odd[0]} spi={odd[3]}: does not follow hts_base.csv. Derive the file again."


def _collection(ruleset: Ruleset) -> Iterator[str]:
    """Collection periods against the numbers that charged duty."""
    for period in ruleset.collection_periods:
        rows = [row for row in ruleset.ieepa_rows if row.program == period.program]
        ends = [row.effective_to for row in rows if row.effective_to is not None]
        if min(row.effective_from for row in rows) != period.first_day or max(ends) != period.last_day:
            place = f"collection_period.csv, program={period.program}"
            yield f"{place}: differs from the rows of ieepa_numbers.csv. Correct it."


def _codes(ruleset: Ruleset) -> Iterator[str]:
    """Computation codes against their slots and the base numbers that use them."""
    base = ruleset.table(tables.BASE.file)
    for code in ruleset.computation_codes:
        slots = ruleset.slots[code.code]
        if slots.computable != code.computable or slots.value != ("V" in code.inputs_used):
            yield f"computation_slots.csv, code={code.code}: does not fit duty_computation_codes.csv. Correct it."
        counts = (
            sum(row.general.code == code.code for row in base),
            sum(row.column2.code == code.code for row in base),
        )
        if counts != (code.rows_column1, code.rows_column2):
            yield f"duty_computation_codes.csv, code={code.code}: hts_base.csv holds {counts} rows of it. Count again."


def _words(ruleset: Ruleset) -> Iterator[str]:
    """Words that other parts of the engine must know."""
    for column in _STATUS_COLUMNS:
        for word in sorted(set(ruleset.status_words(column).values()) ^ set(filter(None, column.words))):
            place = f"status_words.csv, column={column}"
            yield f"{place}: {word!r} is not among the accepted words, or has no row. Correct it."
    for rule in ruleset.eligibility:
        if not rule.words:
            yield f"eligibility_rules.csv, rule_id={rule.rule_id}: no message. Give CBP's words, or ours."
    programmes = {spi for row in ruleset.table(tables.BASE.file) for spi in row.specials}
    for spi in sorted(programmes):
        if ruleset.spi(spi) is None:
            yield f"spi_codes.csv: the programme {spi} of hts_base.csv is missing. Add it."


def _facts(ruleset: Ruleset) -> list[tuple[str, str]]:
    """What the rules cover."""
    counts = classes(ruleset)
    first, last = calendars.span(ruleset)
    quarters = ruleset.interest
    found = [
        ("IEEPA numbers", f"{len(ruleset.ieepa_numbers)} ({', '.join(f'{counts[kind]} {kind}' for kind in counts)})"),
        ("numbers of chapters 1-97", f"{len(ruleset.base_numbers):,}"),
        ("interest rates", f"{quarters[0].quarter_start} to {quarters[-1].quarter_end}"),
        ("calendars", f"{first} to {last}; closures up to {max(closure.date for closure in ruleset.closures)}"),
    ]
    found += [
        (f"rule {rule.rule_id}", f"{rule.effective_from} to {rule.effective_to or 'open'}")
        for rule in ruleset.eligibility
    ]
    return found


def _notes(ruleset: Ruleset) -> Iterator[str]:
    """Gaps between the periods of a number; none is filled."""
    groups: dict[str, Sequence[Dated]] = {number: ruleset.ieepa(number) for number in ruleset.ieepa_numbers}
    groups |= {row.hts_number: ruleset.other(row.hts_number) for row in ruleset.other_rows}
    for number, rows in groups.items():
        for before, after in pairwise(rows):
            if before.to_day + 1 != after.from_day:
                yield f"{number}: no row between {before.effective_to} and {after.effective_from}"
    yield f"interest: no rate after {ruleset.interest[-1].quarter_end}; a later day is refused, not guessed"
    last = calendars.span(ruleset)[1]
    yield f"calendars: nothing known after {last}; closures ordered later go into calendar.overrides"
