"""Derives special_rates.csv from the special column of hts_base.csv: one row per number, period and programme."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cape_engine.money import rate_text
from cape_engine.rules import Ruleset, tables
from cape_engine.rules.rate_text import parse_rate_text, resolve
from cape_engine.rules.rows import BaseRow, Rate

_PART = re.compile(r"(.*\S)\s*\(([A-Z+*]+(?:\s*,\s*[A-Z+*]+)*)\)", re.ASCII)
_UNREADABLE = ["X", "", "", "", "", "", ""]


def derive(ruleset: Ruleset) -> list[list[str]]:
    """Every cell of special_rates.csv, header first, in the order of hts_base.csv.

    A text that points to another heading ("See 98220405") is kept and marked not readable.
    """
    base: Iterable[BaseRow] = ruleset.table(tables.BASE.file)
    found = [list(tables.SPECIAL.names)]
    for row in base:
        for printed, programmes in parts(row.specials_not_free):
            found.extend(_cells(row, printed, spi, ruleset) for spi in programmes)
    return found


def parts(specials_not_free: str) -> list[tuple[str, tuple[str, ...]]]:
    """The special column without its Free programmes as (rate text, programmes)."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for piece in filter(None, (piece.strip() for piece in specials_not_free.split(";"))):
        match = _PART.fullmatch(piece)
        if match is None:
            found.append((piece, ()))
        else:
            found.append((match[1], tuple(spi.strip() for spi in match[2].split(","))))
    return found


def _cells(row: BaseRow, printed: str, spi: str, ruleset: Ruleset) -> list[str]:
    """One row of special_rates.csv."""
    read = parse_rate_text(printed)
    rate = None if read is None else resolve(read, row.units, ruleset)
    period = ["" if day is None else day.isoformat() for day in (row.effective_from, row.effective_to)]
    values = _UNREADABLE if rate is None else _rate_cells(rate)
    confidence = "O text; not readable" if rate is None else "O"
    source = f"{row.source}, special column"
    return [row.hts8, *period, spi, *values, printed, "N" if rate is None else "Y", source, confidence]


def _rate_cells(rate: Rate) -> list[str]:
    """The parts of a rate as a rule file holds them: blank where the code does not use them."""
    numbers = (rate.specific_e9, rate.ad_valorem_e9, rate.other_e9)
    specific, ad_valorem, other = (
        rate_text(number) if used else "" for number, used in zip(numbers, tables.USES[rate.code], strict=True)
    )
    return [rate.code, specific, rate.specific_unit, ad_valorem, other, rate.other_unit, rate.basis]
