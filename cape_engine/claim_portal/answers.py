"""CBP's answers: Claim Details and Validation Result files as rows, each with the rules its message can mean."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cape_engine.errors import InputError, MappingError
from cape_engine.findings import Findings
from cape_engine.rules import Ruleset
from cape_engine.schema.facts import ENTRY_NUMBER
from cape_engine.schema.ledger import CLAIM_NUMBER, FILE_NAME
from cape_engine.schema.reconciliation import CLAIM_MESSAGE_SAID, CLAIM_STATUS_SAID
from cape_engine.settings import Settings

CLAIM_DETAILS, VALIDATION_RESULT = "Claim Details", "Validation Result File"
UPDATED, FAILED = "Entry Summary Updated", "Failed"
"""CBP's words for an entry on a claim (handbook 4.5)."""
STATUS, MESSAGE = str(CLAIM_STATUS_SAID), str(CLAIM_MESSAGE_SAID)
ENTRY, CLAIM, FILE = str(ENTRY_NUMBER), str(CLAIM_NUMBER), str(FILE_NAME)
_KNOWN = (ENTRY, CLAIM, STATUS, MESSAGE, FILE)
_STATES = {word.upper(): word for word in (UPDATED, FAILED)}
_GUARD = re.compile(r'^="?(.*?)"?$')
_ENTRY = re.compile(r"[0-9A-Z]{11}")
_CLAIM = re.compile(r"[0-9]{12}")
_SETTING = "reports.columns.validation_result"
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Answer:
    """What CBP says of an entry, or of a whole file.

    Attributes:
        row: line of the file as an editor counts it.
        entry_number: 11 letters and digits; blank where the row speaks of the file.
        claim_number: 12 digits, blank for none.
        status: `Entry Summary Updated` or `Failed`.
        message: why it failed.
        file_name: the declaration, where the file names it.
    """

    row: int
    entry_number: str
    claim_number: str
    status: str
    message: str
    file_name: str = ""


@dataclass(frozen=True, slots=True)
class AnswerFile:
    """One file of CBP.

    Attributes:
        name: its name.
        kind: `Claim Details` or `Validation Result File`.
        answers: its rows, each (entry, claim, declaration file) once.
    """

    name: str
    kind: str
    answers: tuple[Answer, ...]


def read_answers(path: Path, *, ruleset: Ruleset, settings: Settings, findings: Findings) -> AnswerFile:
    """Read a file of CBP; its headings say which it is (handbook 4.5, 7.6).

    Headings of Claim Details are known; those of the Validation Result File are what
    `reports.columns.validation_result` says, as a list of `our name=CBP's heading`. Text guards and a byte order mark
    are taken off.

    Args:
        path: the CSV file.
        ruleset: known headings.
        settings: the mapping.
        findings: grows by rows that cannot be read.

    Raises:
        InputError: the file cannot be opened, or is no CSV in UTF-8.
        MappingError: a heading is unknown, or one that is needed is missing; all headings are listed.
    """
    rows = _rows(path)
    heading = [" ".join(cell.split()) for cell in rows[0]] if rows else []
    kind, places = _kind(path, heading, ruleset, settings)
    answers: dict[tuple[str, str, str], Answer] = {}
    for line, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        answer = _answer(path.name, kind, line, row, places, findings)
        if answer is None:
            continue
        before = answers.setdefault((answer.entry_number, answer.claim_number, answer.file_name), answer)
        if (before.status, before.message) != (answer.status, answer.message):
            findings.add(
                "ANSWER_TWICE",
                source=path.name,
                row=line,
                value=answer.status,
                entry=answer.entry_number or None,
                other_row=before.row,
            )
    return AnswerFile(path.name, kind, tuple(answers.values()))


def _rows(path: Path) -> list[list[str]]:
    """The cells of a file."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        if "\0" in text:
            raise InputError(f"{path}: not a text file; download the report as CSV")
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except OSError as error:
        raise InputError(f"{path}: the file cannot be opened: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path}: not CSV in UTF-8 ({error}); download the report as CSV and do not edit it"
        ) from error


def _kind(path: Path, heading: Sequence[str], ruleset: Ruleset, settings: Settings) -> tuple[str, dict[str, int]]:
    """Which file it is, and where each of our columns stands."""
    known = {row.source_column: row.canonical for row in ruleset.claim_report_columns if row.report == CLAIM_DETAILS}
    mapped = _mapping(settings)
    for kind, names in ((CLAIM_DETAILS, known), (VALIDATION_RESULT, mapped)):
        if names and set(names) <= set(heading):
            strange = [name for name in heading if name not in names]
            if strange or len(set(heading)) < len(heading):
                break
            return kind, {names[name]: place for place, name in enumerate(heading)}
    if not heading:
        raise MappingError(
            f"{path}: the file is empty, without headings; download Claim Details or the Validation Result File again"
        )
    raise MappingError(
        f"{path}: the headings are neither those of Claim Details ({', '.join(known)}) nor those that {_SETTING} maps "
        f"({', '.join(mapped) or 'none'}); found: {', '.join(heading)}. Name the file as downloaded, or map its "
        f'headings: --set "{_SETTING}=entry_number=...,error_message=..."'
    )


def _mapping(settings: Settings) -> dict[str, str]:
    """CBP's headings of the Validation Result File and our names for them.

    Raises:
        MappingError: an unknown name, or no entry number and status.
    """
    found: dict[str, str] = {}
    for item in settings.words(_SETTING):
        ours, equals, theirs = (part.strip() for part in item.partition("="))
        if not equals or ours not in _KNOWN or not theirs:
            raise MappingError(f"{_SETTING}: {item!r} is not NAME=HEADING with a name of {', '.join(_KNOWN)}")
        found[" ".join(theirs.split())] = ours
    if found and MESSAGE not in found.values():
        raise MappingError(f"{_SETTING}: a heading for {MESSAGE} is needed")
    return found


def _answer(
    name: str, kind: str, line: int, row: Sequence[str], places: Mapping[str, int], findings: Findings
) -> Answer | None:
    """One row, or None where it cannot be used."""
    if len(row) <= max(places.values()):
        findings.add("ANSWER_ROW_UNREAD", source=name, row=line, value=",".join(row)[:_SHOWN])
        return None
    cells = {column: _plain(row[place]) for column, place in places.items()}
    entry = re.sub(r"[^0-9A-Za-z]", "", cells.get(ENTRY, "")).upper()
    whole_file = kind == VALIDATION_RESULT and not cells.get(ENTRY, "")
    if not whole_file and not _ENTRY.fullmatch(entry):
        findings.add("ANSWER_ROW_UNREAD", source=name, row=line, column=ENTRY, value=cells.get(ENTRY, "")[:_SHOWN])
        return None
    claim = cells.get(CLAIM, "")
    if claim and not _CLAIM.fullmatch(claim):
        findings.add("ANSWER_CLAIM_NUMBER", source=name, row=line, value=claim[:_SHOWN], entry=entry or None)
        claim = ""
    word = " ".join(cells.get(STATUS, "").split())
    status = FAILED if kind == VALIDATION_RESULT else _STATES.get(word.upper())
    if status is None:
        findings.add("ANSWER_STATUS_UNKNOWN", source=name, row=line, value=word[:_SHOWN], entry=entry or None)
        return None
    return Answer(line, entry, claim, status, cells.get(MESSAGE, ""), cells.get(FILE, ""))


def _plain(cell: str) -> str:
    """A cell without Excel's text guard and needless spaces."""
    found = _GUARD.match(cell.strip())
    return (found[1] if found else cell).strip()


def meant_rules(message: str, filed_on: dt.date, ruleset: Ruleset) -> tuple[str, ...]:
    """Ids of the rules that a message of CBP can mean: those in force on the filing day, else all with these words.

    Args:
        message: as CBP prints it.
        filed_on: filing day of the declaration.
        ruleset: rules with their words.
    """
    wanted = _words(message)
    same = [
        rule for rule in ruleset.eligibility if rule.words and _words(rule.words) == wanted and rule.level == "entry"
    ]
    live = [rule for rule in same if rule.applies(filed_on)]
    return tuple(rule.rule_id for rule in (live or same))


def _words(message: str) -> str:
    """A message as it is compared."""
    return " ".join(message.upper().split()).rstrip(".")
