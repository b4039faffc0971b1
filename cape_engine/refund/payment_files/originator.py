"""Who sends the payments: facts of the originator and its bank, from a small TOML file, strictly read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cape_engine.errors import UsageError
from cape_engine.intake.masking import masked
from cape_engine.refund.payment_files.accounts import MOST_LETTERS, WEIGHTS

LINE_ENDS = {"lf": b"\n", "crlf": b"\r\n", "none": b""}


@dataclass(frozen=True, slots=True)
class NachaOriginator:
    """Facts that every NACHA file repeats (handbook 7.5).

    Attributes:
        destination: immediate destination, nine digits of a routing number.
        destination_name: its name, at most 23 characters.
        origin: immediate origin, at most 10 characters.
        origin_name: its name, at most 23 characters.
        company_name: who pays, at most 16 characters.
        company_id: at most 10 characters.
        description: what the recipient's bank shows, at most 10 characters.
        originator_status: one character; 2 is a federal agency.
        odfi: first eight digits of the routing number of the originator's bank.
        line_end: lf, crlf or none.
    """

    destination: str
    destination_name: str
    origin: str
    origin_name: str
    company_name: str
    company_id: str
    description: str
    originator_status: str
    odfi: str
    line_end: str = "lf"


@dataclass(frozen=True, slots=True, repr=False)
class PainOriginator:
    """Facts that every pain.001 file repeats; the text shows the last four of the account only.

    Attributes:
        initiating_party: who sends the file, at most 140 characters.
        debtor_name: whose account is debited, at most 140 characters.
        debtor_routing: routing number of its bank, nine digits.
        debtor_account: its account.
    """

    initiating_party: str
    debtor_name: str
    debtor_routing: str
    debtor_account: str

    def __repr__(self) -> str:
        return f"PainOriginator({self.debtor_name!r}, account {masked(self.debtor_account)})"


@dataclass(frozen=True, slots=True)
class Originator:
    """The tables of the file; None where one is missing."""

    nacha: NachaOriginator | None
    pain: PainOriginator | None


def _text(most: int) -> str:
    """Pattern of a field: printable ASCII without lower case."""
    return f"[ -`{{-~]{{1,{most}}}"


_NACHA = {
    "destination": r"[0-9]{9}",
    "destination_name": _text(23),
    "origin": _text(10),
    "origin_name": _text(23),
    "company_name": _text(16),
    "company_id": _text(10),
    "description": _text(10),
    "originator_status": r"[0-9A-Z]",
    "odfi": r"[0-9]{8}",
    "line_end": "|".join(LINE_ENDS),
}
_PAIN = {
    "initiating_party": r"[A-Za-z0-9/?:().,'+ \-]{1,140}",
    "debtor_name": r"[A-Za-z0-9/?:().,'+ \-]{1,140}",
    "debtor_routing": r"[0-9]{9}",
    "debtor_account": rf"[A-Za-z0-9\-]{{1,{MOST_LETTERS}}}",
}
_ROUTING = frozenset({"destination", "debtor_routing"})
_OPTIONAL = frozenset({"line_end"})
_SECRET = frozenset({"debtor_account"})


def read_originator(path: Path) -> Originator:
    """The originator's facts: TOML with the tables `[nacha]` and `[pain]`, one for each format that is written.

    Raises:
        UsageError: not readable, an unknown or missing key, or a value that its field does not take.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: the originator's facts cannot be opened: {error.strerror or error}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        # The cause is left out: it may quote a line with an account number.
        raise UsageError(f"{path}: not a readable TOML file") from None
    unknown = sorted(set(found) - {"nacha", "pain"})
    if unknown or not found:
        raise UsageError(f"{path}: the tables are [nacha] and [pain]" + (f", not [{unknown[0]}]" if unknown else ""))
    nacha, pain = found.get("nacha"), found.get("pain")
    return Originator(
        None if nacha is None else NachaOriginator(**_checked(path, "nacha", nacha, _NACHA)),
        None if pain is None else PainOriginator(**_checked(path, "pain", pain, _PAIN)),
    )


def _checked(path: Path, table: str, given: object, patterns: Mapping[str, str]) -> dict[str, str]:
    """The values of one table, each as its field takes it."""
    if not isinstance(given, dict):
        raise UsageError(f"{path}: [{table}] is a table")
    for key in sorted(set(given) ^ set(patterns)):
        if key in given:
            raise UsageError(f"{path}: [{table}] has no key {key!r}; known: {', '.join(patterns)}")
        if key not in _OPTIONAL:
            raise UsageError(f"{path}: [{table}] lacks {key}")
    for key, value in given.items():
        shown = "that value" if key in _SECRET else repr(value)
        if not isinstance(value, str) or re.fullmatch(patterns[key], value) is None:
            raise UsageError(f"{path}: [{table}] {key} does not take {shown}; see docs/payment_files.md")
        if key in _ROUTING and sum(w * int(digit) for w, digit in zip(WEIGHTS, value, strict=True)) % 10:
            raise UsageError(f"{path}: [{table}] {key}: {shown} fails its check digit (weights 3-7-1)")
    return given
