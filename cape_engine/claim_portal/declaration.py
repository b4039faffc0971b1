"""Declarations: reads the one-column list of entry numbers, tests the file, and meets the lists with the sources."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Bools
from cape_engine.errors import InputError
from cape_engine.findings import Findings
from cape_engine.rules import Ruleset
from cape_engine.settings import Settings

HEADER = "Entry Number"
"""The only cell of the first row of CBP's template (handbook 4.2)."""
ENDING = ".csv"
ENTRY_DIGITS = 11

_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(r"\r\n|\n|\r")
_SPECIAL = re.compile(r"[^0-9A-Za-z]+")
_SHOWN = 40

_CODES = {
    "file_not_csv": "DECLARATION_NOT_CSV",
    "file_unreadable": "DECLARATION_UNREADABLE",
    "file_too_large": "DECLARATION_TOO_LARGE",
    "file_empty": "DECLARATION_EMPTY",
    "file_header_invalid": "DECLARATION_HEADER_INVALID",
    "file_too_many_entries": "DECLARATION_TOO_MANY_ENTRIES",
    "file_entry_number_format": "DECLARATION_ENTRY_NUMBER_FORMAT",
    "file_duplicate_entry": "DECLARATION_DUPLICATE_ENTRY",
    "file_check_digit": "DECLARATION_CHECK_DIGIT_REFUSED",
}
"""The finding of each file check; its words come from the rule."""

Row = tuple[int, str]
"""Line of the file as an editor counts it, and its text."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declaration file and what the file checks found.

    Attributes:
        name: file name, which findings carry as their source.
        accepted: whether every file check passed; the entries of a refused file are not claimed.
        reason_codes: one for each failed check, in the order of the checks (handbook 4.3).
        messages: the words for each.
        entry_numbers: the numbers as normalised, in file order; empty for a refused file.
        rows: line of the file for each number.
        findings: what was found, with row and value.
    """

    name: str
    accepted: bool
    reason_codes: tuple[str, ...]
    messages: tuple[str, ...]
    entry_numbers: tuple[str, ...]
    rows: tuple[int, ...]
    findings: Findings


@dataclass(slots=True)
class _Checks:
    """Failures of one file, kept in the order of the rules' file."""

    name: str
    ruleset: Ruleset
    findings: Findings = field(default_factory=Findings)
    failed: set[str] = field(default_factory=set)

    def words(self, rule_id: str) -> str:
        """The words of a rule, from the eligibility table."""
        rule = self.ruleset.rule(rule_id)
        return "" if rule is None else rule.words

    def fail(self, rule_id: str, *, row: int | None = None, value: object = None, **more: str | int) -> None:
        """A failed check: the file is refused, and a finding says where."""
        self.failed.add(rule_id)
        shown = None if value is None else str(value)[:_SHOWN]
        words = self.words(rule_id)
        fields: dict[str, Any] = {"words": words, **more}
        self.findings.add(_CODES[rule_id], source=self.name, row=row, column=HEADER, value=shown, **fields)

    def result(self, numbers: Sequence[str], rows: Sequence[int]) -> Declaration:
        """The declaration, its failures in the order of the checks."""
        rules = [rule for rule in self.ruleset.eligibility if rule.rule_id in self.failed]
        accepted = not self.failed
        return Declaration(
            self.name,
            accepted,
            tuple(rule.reason_code for rule in rules),
            tuple(rule.words for rule in rules),
            tuple(numbers) if accepted else (),
            tuple(rows) if accepted else (),
            self.findings,
        )


def read_declaration(path: Path, *, ruleset: Ruleset, settings: Settings) -> Declaration:
    """Read a declaration and test it (handbook 4.2, and checks 1 to 7 of 4.3; one failure refuses the file).

    All checks that can still be made are made, so that a person repairs a file once.

    Args:
        path: the CSV file.
        ruleset: words and order of the checks.
        settings: `claim.*` are read.

    Raises:
        InputError: the file cannot be opened at all.
    """
    checks = _Checks(path.name, ruleset)
    content = _bytes(path, checks, settings)
    text = None if content is None else _text(content, checks, settings)
    if text is None:
        return checks.result((), ())
    head, body = _rows(text, settings)
    if not any(line.strip() for _, line in body):
        checks.fail("file_empty")
    _check_header(head, checks, settings)
    most = settings.number("claim.max_entries")
    if len(body) > most:
        checks.fail("file_too_many_entries", value=len(body), most=most)
    numbers, rows = _numbers(body, checks, settings)
    _check_duplicates(numbers, rows, checks)
    _check_digits(numbers, rows, checks, settings)
    return checks.result(numbers, rows)


def _bytes(path: Path, checks: _Checks, settings: Settings) -> bytes | None:
    """The content, unless the name or the size already refuses the file."""
    if path.suffix.lower() != ENDING:
        checks.fail("file_not_csv", value=path.name)
    try:
        size = path.stat().st_size
        if size >= settings.number("claim.max_bytes"):
            checks.fail("file_too_large", value=size)
            return None
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: the declaration cannot be opened: {error.strerror or error}") from error


def _text(content: bytes, checks: _Checks, settings: Settings) -> str | None:
    """The content as text, the byte order mark aside; None when it is not text."""
    if content.startswith(_BOM) and settings.text("claim.bom") == "tolerate":
        content = content[len(_BOM) :]
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        checks.fail("file_unreadable", why=f"byte {error.start + 1} is not UTF-8")
        return None
    if "\0" in text:
        checks.fail("file_unreadable", why="it holds NUL characters, so it is not a text file")
        return None
    return text


def _rows(text: str, settings: Settings) -> tuple[Row | None, list[Row]]:
    """Header row and rows below it; blank rows are left out where the setting ignores them."""
    lines = _LINE_END.split(text)
    if lines[-1] == "":
        lines.pop()  # the end of the last row is no row
    numbered = list(enumerate(lines, start=1))
    if settings.text("claim.blank_rows") == "ignore":
        numbered = [(row, line) for row, line in numbered if line.strip()]
    return (numbered[0], numbered[1:]) if numbered else (None, [])


def _cells(line: str, settings: Settings) -> list[str] | None:
    """The cells of a row; None when its quotes are broken, or not tolerated."""
    if settings.text("claim.quotes") == "reject":
        return None if '"' in line else line.split(",")
    try:
        return next(csv.reader([line], strict=True), []) or [""]
    except csv.Error:
        return None


def _check_header(head: Row | None, checks: _Checks, settings: Settings) -> None:
    """Check 4: one column, and the heading of the template to the letter."""
    if head is None or _cells(head[1], settings) != [HEADER]:
        row, value = head or (1, "nothing")
        checks.fail("file_header_invalid", row=row, value=value)


def _numbers(body: Iterable[Row], checks: _Checks, settings: Settings) -> tuple[list[str], list[int]]:
    """Check 6, and the one column of check 4: each row's number, special characters stripped."""
    fold = settings.text("claim.letter_case") == "fold"
    numbers: list[str] = []
    rows: list[int] = []
    for row, line in body:
        cells = _cells(line, settings)
        if cells is not None and len(cells) > 1:
            checks.fail("file_header_invalid", row=row, value=line)
            continue
        number = "" if cells is None else _SPECIAL.sub("", cells[0])
        number = number.upper() if fold else number
        if len(number) != ENTRY_DIGITS or number != number.upper():
            checks.fail("file_entry_number_format", row=row, value=line)
            continue
        numbers.append(number)
        rows.append(row)
    return numbers, rows


def _check_duplicates(numbers: Sequence[str], rows: Sequence[int], checks: _Checks) -> None:
    """Check 7: the same number twice, after special characters are gone."""
    first: dict[str, int] = {}
    for number, row in zip(numbers, rows, strict=True):
        if number in first:
            checks.fail("file_duplicate_entry", row=row, value=number, other_row=first[number])
        first.setdefault(number, row)


def _check_digits(numbers: Sequence[str], rows: Sequence[int], checks: _Checks, settings: Settings) -> None:
    """The check digit: a warning by default, since CBP lets a filer shift it (Appendix E)."""
    level = settings.text("claim.check_digit")
    if level == "off":
        return
    for number, row in zip(numbers, rows, strict=True):
        if str(check_digit(number)) == number[-1]:
            continue
        if level == "reject":
            checks.fail("file_check_digit", row=row, value=number)
        else:
            words = checks.words("file_check_digit")
            checks.findings.add(
                "DECLARATION_CHECK_DIGIT",
                source=checks.name,
                row=row,
                column=HEADER,
                value=number,
                entry=number,
                words=words,
            )


def check_digit(number: str) -> int:
    """Check digit over the first ten characters of an entry number (CATAIR Appendix E).

    Args:
        number: at least ten letters and digits, capitals.
    """
    total = 0
    for place, character in enumerate(reversed(number[: ENTRY_DIGITS - 1])):
        product = _letter_value(character) * (2 - place % 2)
        total += product // 10 + product % 10
    return -total % 10


def _letter_value(character: str) -> int:
    """A to I are 1 to 9, J to R are 1 to 9, S to Z are 2 to 9; digits stay."""
    if character.isdigit():
        return int(character)
    place = ord(character) - ord("A")
    return place % 9 + 1 if character < "S" else place % 9 + 2


class ClaimedEntries(NamedTuple):
    """What the declarations say about the entries of the sources.

    Attributes:
        claimed: which of the entries are claimed, shape (n,).
        not_in_sources: declared numbers that no entry has (`NOT_IN_ACE`), in the order of the declarations.
        duplicates: number and name of each later declaration that repeats it (`DUPLICATE_CLAIM`).
        findings: both, as findings.
    """

    claimed: Bools
    not_in_sources: tuple[str, ...]
    duplicates: tuple[tuple[str, str], ...]
    findings: Findings


def declared_numbers(declarations: Iterable[Declaration]) -> pa.Array:
    """Every number of the accepted declarations once, in their order."""
    return pa.array(list(dict.fromkeys(n for one in declarations for n in one.entry_numbers)), pa.string())


def claimed_entries(declarations: Sequence[Declaration], entry_numbers: pa.Array) -> ClaimedEntries:
    """Meet the accepted declarations with the entries; an entry belongs to the first declaration that lists it.

    Args:
        declarations: in the order of filing; refused files claim nothing.
        entry_numbers: entry numbers of the sources, text, shape (n,). For one partition of many only `claimed` counts;
            the other members need the numbers of all of them.
    """
    declared = declared_numbers(declarations)
    claimed = pc.is_in(entry_numbers, value_set=declared).to_numpy(zero_copy_only=False)
    found = set(declared.filter(pc.is_in(declared, value_set=entry_numbers)).to_pylist())
    findings = Findings()
    first: dict[str, str] = {}
    absent: list[str] = []
    duplicates: list[tuple[str, str]] = []
    for one in declarations:
        for number, row in zip(one.entry_numbers, one.rows, strict=True):
            if number in first:
                duplicates.append((number, one.name))
                _met(findings, "duplicate_claim", one, number, row, first[number])
                continue
            first[number] = one.name
            if number not in found:
                absent.append(number)
                _met(findings, "not_in_ace", one, number, row, "")
    return ClaimedEntries(np.asarray(claimed, np.bool_), tuple(absent), tuple(duplicates), findings)


def _met(findings: Findings, rule_id: str, one: Declaration, number: str, row: int, first: str) -> None:
    """One finding of declarations against sources."""
    findings.add(
        rule_id.upper(),
        source=one.name,
        row=row,
        column=HEADER,
        value=number,
        entry=number,
        first=first,
    )
