"""Declarations: reads the one-column list of entry numbers and tests the file."""

from __future__ import annotations

import csv
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cape_engine.bridge import Bools
from cape_engine.claim_portal.workbook import ENDINGS, NotReadableError, sheet_rows
from cape_engine.errors import InputError
from cape_engine.findings import Findings
from cape_engine.rules import Ruleset
from cape_engine.settings import Settings

HEADER = "Entry Number"
"""The only cell of the first row of CBP's template (handbook 4.2)."""
ENDING = ".csv"
ENTRY_DIGITS = 11

_BOM = b"\xef\xbb\xbf"
_KINDS = {
    b"PK\x03\x04": "a workbook (.xlsx) or another ZIP archive",
    b"PK\x05\x06": "an empty ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old workbook (.xls)",
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "a compressed (gzip) file",
    b"PAR1": "a Parquet file",
}
"""How files begin that are no text, and what they are."""
_LINE_END = re.compile(r"\r\n|\n|\r")
_SPECIAL = re.compile(r"[^0-9A-Za-z]+")
_SHOWN = 40
_MOST_ROWS = 10_000
"""Findings of one kind in a file; a million bytes can hold half a million bad rows."""
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_WEIGHTS = np.array([1, 2] * 5, np.int64)
"""Every second character counts twice, the tenth the first of them."""

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
        sha256: hash (hex) of the bytes; blank for a file too large to be read.
        workbook: CBP's template as a workbook, read although CBP takes CSV only.
    """

    name: str
    accepted: bool
    reason_codes: tuple[str, ...]
    messages: tuple[str, ...]
    entry_numbers: tuple[str, ...]
    rows: tuple[int, ...]
    findings: Findings
    sha256: str = ""
    workbook: bool = False


@dataclass(slots=True)
class _Checks:
    """Failures of one file, kept in the order of the rules' file."""

    name: str
    ruleset: Ruleset
    findings: Findings = field(default_factory=Findings)
    failed: set[str] = field(default_factory=set)
    sha256: str = ""
    workbook: bool = False
    times: dict[str, int] = field(default_factory=dict)

    def words(self, rule_id: str) -> str:
        """The words of a rule, from the eligibility table."""
        rule = self.ruleset.rule(rule_id)
        return "" if rule is None else rule.words

    def fail(self, rule_id: str, *, row: int | None = None, value: object = None, **more: str | int) -> None:
        """A failed check: the file is refused, and a finding says where."""
        self.failed.add(rule_id)
        self.times[rule_id] = self.times.get(rule_id, 0) + 1
        if self.times[rule_id] > _MOST_ROWS:
            return
        shown = None if value is None else str(value)[:_SHOWN]
        words = self.words(rule_id)
        fields: dict[str, Any] = {"words": words, **more}
        self.findings.add(_CODES[rule_id], source=self.name, row=row, column=HEADER, value=shown, **fields)

    def result(self, numbers: Sequence[str], rows: Sequence[int]) -> Declaration:
        """The declaration, its failures in the order of the checks."""
        for rule_id, count in self.times.items():
            if count > _MOST_ROWS:
                more = count - _MOST_ROWS
                self.findings.add("DECLARATION_MORE_ROWS", source=self.name, value=more, words=self.words(rule_id))
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
            self.sha256,
            self.workbook,
        )


def read_declaration(path: Path, *, ruleset: Ruleset, settings: Settings, workbooks: bool = False) -> Declaration:
    """Read a declaration and test it (handbook 4.2, and checks 1 to 7 of 4.3; one failure refuses the file).

    All checks that can still be made are made, so that a person repairs a file once.

    Args:
        path: the CSV file.
        ruleset: words and order of the checks.
        settings: `claim.*` are read.
        workbooks: read the template as a workbook too (`claim.workbook`), with a finding that CBP wants CSV.

    Raises:
        InputError: the file cannot be opened at all.
    """
    checks = _Checks(path.name, ruleset)
    read_sheet = workbooks and path.suffix.lower() in ENDINGS and settings.text("claim.workbook") == "read"
    if path.suffix.lower() != ENDING and not read_sheet:
        checks.fail("file_not_csv", value=path.name)
    content = _bytes(path, checks, settings)
    found = None if content is None else (_sheet if read_sheet else _lines)(content, checks, settings)
    if found is None:
        return checks.result((), ())
    head, body = found
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
    """The content, unless the size already refuses the file."""
    try:
        size = path.stat().st_size
        if size >= settings.number("claim.max_bytes"):
            checks.fail("file_too_large", value=size)
            return None
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: the declaration cannot be opened: {error.strerror or error}") from error
    checks.sha256 = hashlib.sha256(content).hexdigest()
    return content


Found = tuple[Row | None, list[Row]]
"""The heading and the rows below it."""


def _lines(content: bytes, checks: _Checks, settings: Settings) -> Found | None:
    """The rows of a text file; None when it is none."""
    text = _text(content, checks, settings)
    return None if text is None else _rows(text, settings)


def _sheet(content: bytes, checks: _Checks, settings: Settings) -> Found | None:
    """The rows of a workbook; None when it is none."""
    del settings
    try:
        head, body = sheet_rows(content)
    except NotReadableError as trouble:
        checks.fail("file_not_csv", value=checks.name)
        checks.fail("file_unreadable", why=f"as a workbook neither: {trouble}")
        return None
    checks.workbook = True
    checks.findings.add("DECLARATION_WORKBOOK", source=checks.name, words=checks.words("file_not_csv"))
    return head, body


def _text(content: bytes, checks: _Checks, settings: Settings) -> str | None:
    """The content as text, the byte order mark aside; None when it is not text."""
    kind = next((words for start, words in _KINDS.items() if content.startswith(start)), None)
    if kind is not None:
        checks.fail("file_unreadable", why=f"it is {kind} with another ending")
        return None
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
    if '"' not in line and "," not in line:
        return [line]
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
            checks.fail("file_entry_number_format", row=row, value=line, why=_look_alikes(line))
            continue
        numbers.append(number)
        rows.append(row)
    return numbers, rows


def _look_alikes(line: str) -> str:
    """Names the first letter or digit that only looks like one of an entry number, if there is one."""
    strange = next((letter for letter in line if not letter.isascii() and letter.isalnum()), None)
    if strange is None:
        return ""
    name = unicodedata.name(strange, f"character {ord(strange):04X}")
    return f" The character {strange!r} is {name}, not a letter or digit of the keyboard."


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
    for at in np.flatnonzero(~_digits_fit(numbers)).tolist():
        number, row = numbers[at], rows[at]
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


def _digits_fit(numbers: Sequence[str]) -> Bools:
    """Whether the last character of each number is its check digit."""
    values = np.zeros(256, np.int64)
    for letter in _LETTERS:
        values[ord(letter)] = _letter_value(letter)
    letters = np.array(numbers, f"S{ENTRY_DIGITS}").view(np.uint8).reshape(-1, ENTRY_DIGITS)
    products = values[letters[:, :-1]] * _WEIGHTS
    total = (products // 10 + products % 10).sum(axis=1)
    fits: Bools = letters[:, -1] == ord("0") + -total % 10
    return fits


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
