"""Words: codes, statuses and flags as cells spell them, to the words of the schema; one vocabulary for all files."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count, repeat

import numpy as np

from cape_engine.bridge import Int32s
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.schema.column import TEXT, WORD, Column

UNKNOWN = object()
"""Stands for a word that nobody knows."""
CELL_ERROR = object()
"""Stands for a spreadsheet error shown in the cell."""

AROUND = " \t\r\n\u00a0=\"'"
"""What a word stands between."""
SIGN = "#"
"""What errors of a spreadsheet begin with."""
_SHEET_ERRORS = frozenset(
    {"#N/A", "#DIV/0!", "#REF!", "#NAME?", "#NULL!", "#NUM!", "#VALUE!", "#ERROR", "#GETTING_DATA", "#SPILL!", "#CALC!"}
)
_YES = frozenset({"y", "true", "1"})
_NO = frozenset({"n", "false", "0"})
_STATUSES = frozenset({f.LIQUIDATION_STATUS, f.SUMMARY_STATUS, f.CONTROL_STATUS, f.PROTEST_STATUS})
_BLANK_IS_A_WORD = frozenset({f.LIQUIDATION_STATUS, f.PROTEST_STATUS})
_CLOSED = frozenset({s.SET_INDICATOR, s.FTZ_STATUS, f.IMPORTER_KIND, f.ACCOUNT_KIND})
_PATTERNS: dict[str, re.Pattern[str]] = {
    str(s.COUNTRY_OF_ORIGIN): re.compile(r"[A-Z]{2}"),
    str(s.COUNTRY_OF_EXPORT): re.compile(r"[A-Z]{2}"),
    str(s.SPI_CODE): re.compile(r"[A-Z0-9+*]{1,3}"),
    str(f.FILER_CODE): re.compile(r"[A-Z0-9]{3}"),
    str(f.ENTRY_TYPE): re.compile(r"\d{2}"),
    str(f.VERSION): re.compile(r"\d{5}"),
    str(f.EXTENSION_SUSPENSION_CODE): re.compile(r"\d{2}"),
    **{str(column): re.compile(r"[A-Z0-9]{1,3}") for column in s.UOMS},
}
_WIDTHS = {str(f.ENTRY_TYPE): 2, str(f.VERSION): 5, str(f.EXTENSION_SUSPENSION_CODE): 2}
"""Codes of digits whose leading zeros a spreadsheet may have taken."""

_KNOWN = {
    str(s.COUNTRY_OF_ORIGIN): "two letters (ISO)",
    str(s.COUNTRY_OF_EXPORT): "two letters (ISO)",
    str(s.SPI_CODE): "one to three letters, digits and signs",
    str(f.FILER_CODE): "three letters and digits",
    str(f.ENTRY_TYPE): "two digits",
    str(f.VERSION): "five digits",
    str(f.EXTENSION_SUSPENSION_CODE): "two digits",
    **{str(column): "one to three letters and digits" for column in s.UOMS},
}


def known_words(column: Column, ruleset: Ruleset | None) -> str:
    """The accepted words of a column, as a remedy names them."""
    del ruleset
    if column.type == f.DRAWBACK_FLAG.type:
        return "Y, N"
    return _KNOWN.get(str(column)) or ", ".join(word for word in column.words if word)


def is_free(column: Column) -> bool:
    """Whether any text is good in a column."""
    return column.type in (TEXT, WORD) and reader(column, None) is _as_it_stands


def is_sheet_error(text: str) -> bool:
    """Whether a cell shows an error of a spreadsheet."""
    return text.upper() in _SHEET_ERRORS


def cleaned(text: str) -> str:
    """A cell without outer blanks, guards and quotes."""
    return text.strip(AROUND)


def reader(column: Column, ruleset: Ruleset | None) -> Callable[[str], object]:
    """A function from a cleaned cell to its word, None (blank), UNKNOWN or CELL_ERROR."""
    if column in _STATUSES:
        return _status(column, ruleset)
    if column in _CLOSED:
        words = {word.casefold(): word for word in column.words}
        return lambda text: words.get(text.casefold(), UNKNOWN)
    pattern = _PATTERNS.get(str(column))
    if pattern is None:
        return _as_it_stands
    width = _WIDTHS.get(str(column), 0)

    def read(text: str) -> object:
        if not text.isascii():  # capitals of other letters are letters of codes, and other digits pass for digits
            return UNKNOWN
        word = text.upper().rjust(width, "0") if width and text.isdigit() else text.upper()
        return word if pattern.fullmatch(word) else UNKNOWN

    return read


def _as_it_stands(text: str) -> object:
    """A free text, as names and numbers of importers are."""
    return text


def _status(column: Column, ruleset: Ruleset | None) -> Callable[[str], object]:
    """Statuses go through the alias table of the rules (clarification 6)."""
    plain = {"".join(word.split()).casefold(): word for word in column.words}

    def read(text: str) -> object:
        word = plain.get("".join(text.split()).casefold())
        if word is None and ruleset is not None:
            word = ruleset.status_word(column, text)
        return UNKNOWN if word is None else word

    return read


def read_words(column: Column, texts: Sequence[str | None], ruleset: Ruleset | None) -> list[object]:
    """The word of each text: a str, None where nothing is said, UNKNOWN or CELL_ERROR."""
    read = reader(column, ruleset)
    blank = "" if column in _BLANK_IS_A_WORD else None
    plain = [(text or "").strip(AROUND) for text in texts]
    if read is _as_it_stands and not [text for text in plain if text[:1] == SIGN]:
        return [text or blank for text in plain]
    found: list[object] = []
    for text in plain:
        if not text:
            found.append(blank)
        elif text[0] == SIGN and is_sheet_error(text):
            found.append(CELL_ERROR)
        else:
            found.append(read(text))
    return found


def read_flag(text: str) -> object:
    """1, 0, -1 (blank), UNKNOWN or CELL_ERROR for a yes/no cell (clarification 6)."""
    plain = cleaned(text).casefold()
    if not plain:
        return -1
    if plain in _YES:
        return 1
    if plain in _NO:
        return 0
    return CELL_ERROR if is_sheet_error(plain) else UNKNOWN


@dataclass(slots=True)
class Vocabulary:
    """The words of one column over all files, and a number for each; safe to share between threads."""

    words: list[str] = field(default_factory=list)
    _codes: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def codes(self, words: Sequence[object]) -> Int32s:
        """The number of each word, new ones added; -1 for anything that is not a word."""
        with self._lock:
            # Without a step of Python for each word: an importers file has hundreds of thousands.
            new = [word for word in dict.fromkeys(words) if isinstance(word, str) and word not in self._codes]
            self._codes.update(zip(new, count(len(self.words))))
            self.words.extend(new)
            return np.fromiter(map(self._codes.get, words, repeat(-1)), np.int32, len(words))  # type: ignore[arg-type]


@dataclass(slots=True)
class Vocabularies:
    """A vocabulary for every word column."""

    _found: dict[str, Vocabulary] = field(default_factory=dict)
    _seen: dict[str, dict[str, int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, column: Column) -> Vocabulary:
        """The vocabulary of a column."""
        with self._lock:
            return self._found.setdefault(str(column), Vocabulary())

    def seen(self, column: Column) -> dict[str, int]:
        """256 times the code, plus the status, of every spelling of a column that was read.

        An answer is the same whoever writes it first.
        """
        with self._lock:
            return self._seen.setdefault(str(column), {})
