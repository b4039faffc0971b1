"""Loads a folder of rule files: every file there, none too many, each read strictly, and all of them in agreement."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from importlib import resources
from pathlib import Path

from cape_engine.errors import RuleFileError
from cape_engine.rules import read, tables
from cape_engine.rules.by_number import ByNumber
from cape_engine.rules.rows import LEGAL_DIGITS
from cape_engine.rules.ruleset import Ruleset
from cape_engine.schema.codes import Flag

_LOADED: list[Ruleset] = []
"""The rulesets last loaded: a process that runs again, as for a what-if, has them and what was worked out of them."""
_MOST_LOADED = 2
_LOCK = threading.Lock()
LEAST_HOLIDAYS = 10
"""Eleven holidays a year (5 USC 6103); a New Year's Day on a Saturday is kept in the year before."""


def default_folder() -> Path:
    """The folder of the project's own rule files."""
    return Path(str(resources.files("cape_engine.rules").joinpath("data")))


def load(folder: Path | None = None) -> Ruleset:
    """The ruleset of a folder, read strictly; without a folder the project's own.

    Raises:
        RuleFileError: a file is missing or unknown, or breaks its contract (file, row, key and next step are named).
    """
    place = default_folder() if folder is None else folder
    found = contents(place)
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(found.items())}
    whole = hashlib.sha256("".join(f"{name}\0{digest}\n" for name, digest in hashes.items()).encode()).hexdigest()
    with _LOCK:
        for ruleset in _LOADED:
            if (ruleset.folder, ruleset.hash) == (str(place), whole):
                return ruleset
    texts = {name: text_of(name, data) for name, data in found.items()}
    rows = {table.file: tuple(read.rows(table, texts[table.file])) for table in tables.EAGER}
    raw = {table.file: _raw_by_number(table, texts[table.file]) for table in tables.LAZY}
    ruleset = Ruleset(str(place), hashes, whole, rows, raw)
    _check_together(ruleset)
    with _LOCK:
        _LOADED.append(ruleset)
        del _LOADED[:-_MOST_LOADED]
    return ruleset


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every rule file; a file too many or too few is refused."""
    wanted = {table.file for table in tables.ALL}
    try:
        present = {item.name for item in folder.iterdir() if item.suffix == ".csv"}
        unknown, missing = sorted(present - wanted), sorted(wanted - present)
        if unknown or missing:
            which = f"unknown rule file {unknown[0]}" if unknown else f"rule file {missing[0]} is missing"
            step = "Remove it, or correct its name." if unknown else "Copy it from the project's own rules."
            raise RuleFileError(f"{folder}: {which}. {step}")
        return {name: (folder / name).read_bytes() for name in sorted(wanted)}
    except OSError as error:
        raise RuleFileError(f"{folder}: the rules cannot be read: {error}. Name a folder of rule files.") from error


def text_of(name: str, data: bytes) -> str:
    """A rule file as text."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        read.refuse(name, None, None, f"not UTF-8 at byte {error.start}", "Save the file as UTF-8.")


def _raw_by_number(table: read.Table, content: str) -> ByNumber:
    """The rows of a large table by number; numbers with more than one row are tested for overlaps."""
    found = ByNumber(*read.uncut(table, content))
    every = "".join(found)
    if set(map(len, found)) != {LEGAL_DIGITS} or not (every.isascii() and every.isdigit()):
        for number in found:
            if len(number) != LEGAL_DIGITS or not (number.isascii() and number.isdigit()):
                why = f"{number!r} is not eight digits"
                read.refuse(table.file, found.get(number)[0][0], number, why, "Correct the number.")
    read.check_dated(table, [row for number in found.repeated for row in found.get(number)])
    return found


def _check_together(ruleset: Ruleset) -> None:
    """What no single file can say: files that name each other must agree."""
    both = [number for number in ruleset.ieepa_numbers if ruleset.other(number)]
    if both:
        read.refuse(
            tables.OTHER.file, None, both[0], "the number stands in ieepa_numbers.csv too", "Keep it in one of them."
        )
    rules = {rule.rule_id for rule in ruleset.eligibility}
    for row in ruleset.all_entry_types:
        if row.rule_id and row.rule_id not in rules:
            step = "Add the rule to eligibility_rules.csv, or correct its name."
            read.refuse(tables.ENTRY_TYPES.file, None, f"code={row.code}", f"unknown rule_id {row.rule_id}", step)
    codes = {row.code for row in ruleset.computation_codes}
    if codes != set(ruleset.slots):
        step = "Both files list every computation code."
        read.refuse(tables.SLOTS.file, None, min(codes ^ set(ruleset.slots)), "the code stands in one file only", step)
    known = {row.state for row in ruleset.entry_states}
    named = {state for row in ruleset.transitions for state in (row.from_state, row.to_state)}
    if known != named:
        step = "Every state is entered or left by a transition, and every transition names states."
        read.refuse(tables.TRANSITIONS.file, None, min(known ^ named), "the state stands in one file only", step)
    for kind in ruleset.event_kinds:
        odd = {*kind.from_states, kind.to_state or "FILED"} - known
        if odd:
            step = "Name states of entry_states.csv."
            read.refuse(tables.EVENT_KINDS.file, None, f"kind={kind.kind}", f"unknown state {min(odd)}", step)
    if len({row.code for row in ruleset.entry_states}) != len(known):
        read.refuse(tables.ENTRY_STATES.file, None, "code", "two states have one code", "Give each its own, for good.")
    _check_calendar(ruleset)
    _check_review(ruleset)


def _check_review(ruleset: Ruleset) -> None:
    """Review rules name flags that exist, and amount and sample, which have settings of their own, are there once."""
    file = tables.REVIEW.file
    for row in ruleset.review_rules:
        strange = sorted(set(row.flags) - set(Flag.__members__))
        if strange:
            why = f"{strange[0]} is not a flag of an entry"
            read.refuse(file, None, f"rule={row.rule}", why, "Name flags of the results.")
        if bool(row.flags) != (row.kind == "flag"):
            why = "flags stand with the kind flag, and only there"
            read.refuse(file, None, f"rule={row.rule}", why, "Name flags of the results, or none.")
    for kind in ("amount", "sample"):
        if [row.kind for row in ruleset.review_rules].count(kind) != 1:
            read.refuse(file, None, f"kind={kind}", "not exactly one rule", "Keep one; its setting switches it.")


def _check_calendar(ruleset: Ruleset) -> None:
    """A year without its holidays in the middle of the table would be guessed; so would a closure beyond the table."""
    closed = Counter(holiday.date.year for holiday in ruleset.holidays if holiday.cbp_closed)
    years = range(min(closed, default=0), max(closed, default=0) + 1)
    for year in years:
        if closed[year] < LEAST_HOLIDAYS:
            step = f"A year has at least {LEAST_HOLIDAYS} (5 USC 6103); give them all, or end the table before it."
            read.refuse(tables.HOLIDAYS.file, None, year, f"only {closed[year]} days closed at CBP", step)
    for closure in ruleset.closures:
        if closure.date.year not in years:
            why = f"the table of holidays runs from {years[0]} to {years[-1]}"
            read.refuse(tables.CLOSURES.file, None, f"date={closure.date}", why, "Give that year's holidays first.")
