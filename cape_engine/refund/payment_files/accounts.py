"""Bank accounts of recipients: checked, found by importer number, and never shown in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Bools, Int8s, Int32s, readonly, single
from cape_engine.findings import Findings
from cape_engine.intake import read_account_rows
from cape_engine.intake.free_texts import plain_numbers
from cape_engine.intake.masking import masked
from cape_engine.schema import facts as f
from cape_engine.schema import payment_files as p
from cape_engine.settings import Settings

CHECKING, SAVINGS = range(2)
"""Places of the kinds of accounts in `f.ACCOUNT_KIND.words`."""
NOWHERE = -1
"""Place of a recipient that no importers file names."""
MOST_LETTERS = 17
"""Characters of an account number: positions 13 to 29 of a NACHA entry."""
ROUTING_DIGITS = 9
WEIGHTS = (3, 7, 1) * 3
"""Weights of the digits of a routing number; the weighted sum is divisible by ten (handbook 7.5)."""

_DISTRICTS = frozenset({*range(13), *range(21, 33), *range(61, 73), 80})
"""First two digits: Federal Reserve district, thrifts (+20), electronic transactions (+60), traveller's cheques."""
_BANK_CODE = r"^[A-Za-z]{6}[A-Za-z0-9]{2}([A-Za-z0-9]{3})?$"  # BIC, ISO 9362
_IBAN = r"^[A-Za-z]{2}[0-9]{2}[A-Za-z0-9]{11,30}$"  # ISO 13616
_ACCOUNT = r"^[A-Za-z0-9\-]*[0-9][A-Za-z0-9\-]*$"


@dataclass(frozen=True, slots=True, repr=False)
class Account:
    """One bank account; its text shows the last four of its numbers only.

    Attributes:
        routing_number: nine digits.
        account_number: as the bank prints it.
        account_kind: checking or savings.
        name: of its owner, as given; None when not given.
    """

    routing_number: str
    account_number: str
    account_kind: str
    name: str | None

    def __repr__(self) -> str:
        return f"Account(routing {masked(self.routing_number)}, {self.account_kind} {masked(self.account_number)})"

    def __reduce__(self) -> str | tuple[object, ...]:
        """Refuse to be pickled: a pickle would hold the plain number."""
        raise TypeError("an account is not written anywhere but into bank files")


@dataclass(frozen=True, slots=True, repr=False)
class Accounts:
    """The accounts of all importers of the files given; nothing of it is shown but counts.

    Attributes:
        keys: importer numbers as they are compared, ascending.
        numbers: importer numbers as given.
        routing: routing numbers as given; null where none is.
        account: account numbers; null where none is given.
        kind: int8, `CHECKING` or `SAVINGS`.
        names: of the owners; null where none is given.
        trouble: int32, place in `troubles` of what keeps the account from being paid to; -1 where nothing does.
        troubles: codes of findings.
        source: importers file of each.
        row: row of each, as an editor counts it.
    """

    keys: pa.Array
    numbers: pa.Array
    routing: pa.Array
    account: pa.Array
    kind: Int8s
    names: pa.Array
    trouble: Int32s
    troubles: tuple[str, ...]
    source: pa.Array
    row: pa.Array

    def __repr__(self) -> str:
        return f"Accounts({len(self)} importers, {int(self.usable().sum())} with an account that can be paid to)"

    def __len__(self) -> int:
        return len(self.keys)

    def __reduce__(self) -> str | tuple[object, ...]:
        """Refuse to be pickled: a pickle would hold the plain numbers."""
        raise TypeError("accounts are not written anywhere but into bank files")

    def usable(self) -> Bools:
        """Which of them can be paid to."""
        found: Bools = self.trouble < 0
        return found

    def places(self, recipients: pa.Array) -> Int32s:
        """Where recipients stand, `NOWHERE` for those that no file names.

        Args:
            recipients: importer numbers in any spelling, as texts or words.
        """
        if pa.types.is_dictionary(recipients.type):
            of_words = np.append(self.places(recipients.dictionary), np.int32(NOWHERE))
            codes = pc.fill_null(recipients.indices, len(recipients.dictionary))
            found: Int32s = of_words[codes.to_numpy(zero_copy_only=False)]
            return found
        hit = pc.index_in(plain_numbers(recipients), value_set=self.keys)
        return readonly(pc.fill_null(hit, NOWHERE).to_numpy(zero_copy_only=False).astype(np.int32))

    def at(self, place: int) -> Account:
        """The account at a place.

        Raises:
            ValueError: the account there cannot be paid to.
        """
        if self.trouble[place] >= 0:
            raise ValueError(f"the account of importer {self.numbers[place]} is held: {self.why(place)}")
        kind = f.ACCOUNT_KIND.words[self.kind[place]]
        return Account(self.routing[place].as_py(), self.account[place].as_py(), kind, self.names[place].as_py())

    def why(self, place: int) -> str | None:
        """Code of what keeps an account from being paid to, None when nothing does."""
        return None if self.trouble[place] < 0 else self.troubles[self.trouble[place]]


@dataclass(slots=True)
class _Check:
    """What is found wrong with accounts; the first trouble of an account counts.

    Attributes:
        findings: grow.
        trouble: int32, place in `codes`, -1 where nothing is wrong.
        codes: of findings.
    """

    findings: Findings
    rows: pa.Table
    trouble: Int32s
    codes: list[str] = field(default_factory=list)

    def mark(self, code: str, bad: npt.NDArray[np.bool_]) -> list[int]:
        """Note the trouble of accounts that have none yet; their places."""
        places = np.flatnonzero(bad & (self.trouble < 0))
        self.trouble[places] = len(self.codes)
        self.codes.append(code)
        found: list[int] = places.tolist()
        return found

    def add(self, code: str, place: int, column: str, number: str | None) -> None:
        """A finding about the row of an account; a number masked."""
        self.findings.add(
            code,
            source=self.rows[p.ACCOUNT_SOURCE][place].as_py(),
            row=self.rows[p.ACCOUNT_ROW][place].as_py(),
            column=str(column),
            value=masked(number),
            importer=self.rows[f.IMPORTER_NUMBER][place].as_py(),
            digits=len(number or ""),
        )

    def refuse(self, code: str, column: str, bad: Bools) -> None:
        """A finding for each account whose number in `column` is bad."""
        for place in self.mark(code, bad):
            self.add(code, place, column, self.rows[column][place].as_py())


def read_accounts(paths: Sequence[Path | str], *, settings: Settings) -> tuple[Accounts, Findings]:
    """Accounts of importers files, checked.

    An importer without any account is no finding here: `ACCOUNT_MISSING` is said when a payment to it is held.

    Args:
        paths: CSV, .xlsx or Parquet with the columns `schema.facts.IMPORTERS_FILE`.
        settings: `refund.default_account_kind`.

    Raises:
        InputError: one of the files cannot be read.
    """
    rows, findings = read_account_rows(paths)
    accounts, found = checked_accounts(rows, settings=settings)
    findings.extend(found)
    return accounts, findings


def checked_accounts(rows: pa.Table, *, settings: Settings) -> tuple[Accounts, Findings]:
    """Accounts with what keeps each from being paid to.

    Args:
        rows: columns `schema.payment_files.ACCOUNT_ROWS`, ascending and distinct in `importer_key`.
        settings: `refund.default_account_kind`.
    """
    check = _Check(Findings(), rows, np.full(rows.num_rows, -1, np.int32))
    routing, account = single(rows, f.ROUTING_NUMBER), single(rows, f.ACCOUNT_NUMBER)
    enrolled = pc.fill_null(single(rows, f.ACH_ENROLLED), True)  # noqa: FBT003 - a value, not a choice
    check.mark("ACCOUNT_CONFLICT", _bools(single(rows, p.DIFFERS_IN).is_valid()))
    for place in check.mark("ACCOUNT_WORD_UNKNOWN", _bools(single(rows, p.UNKNOWN_IN).is_valid())):
        check.add("ACCOUNT_WORD_UNKNOWN", place, rows[p.UNKNOWN_IN][place].as_py(), None)
    check.mark("ACCOUNT_NOT_ENROLLED", ~_bools(enrolled))
    check.mark("ACCOUNT_MISSING", ~_bools(pc.and_(routing.is_valid(), account.is_valid())))
    check.refuse("ACCOUNT_FOREIGN", f.ROUTING_NUMBER, _matches(routing, _BANK_CODE))
    check.refuse("ACCOUNT_FOREIGN", f.ACCOUNT_NUMBER, _matches(account, _IBAN))
    check.refuse("ROUTING_NOT_DIGITS", f.ROUTING_NUMBER, ~_matches(routing, r"^[0-9]+$"))
    check.refuse("ROUTING_LENGTH", f.ROUTING_NUMBER, _lengths(routing) != ROUTING_DIGITS)
    digits = _digits(pc.if_else(pa.array(check.trouble < 0), routing, "0" * ROUTING_DIGITS))
    check.refuse("ROUTING_CHECK_DIGIT", f.ROUTING_NUMBER, digits @ np.array(WEIGHTS) % 10 != 0)
    districts = digits[:, 0] * 10 + digits[:, 1]
    check.refuse("ROUTING_RANGE", f.ROUTING_NUMBER, ~np.isin(districts, sorted(_DISTRICTS)))
    check.refuse("ACCOUNT_TOO_LONG", f.ACCOUNT_NUMBER, _lengths(account) > MOST_LETTERS)
    check.refuse("ACCOUNT_CHARACTERS", f.ACCOUNT_NUMBER, ~_matches(account, _ACCOUNT))
    accounts = Accounts(
        keys=single(rows, p.IMPORTER_KEY),
        numbers=_texts(single(rows, f.IMPORTER_NUMBER)),
        routing=routing,
        account=account,
        kind=_kinds(rows, check, settings),
        names=single(rows, f.NAME),
        trouble=readonly(check.trouble),
        troubles=tuple(check.codes),
        source=_texts(single(rows, p.ACCOUNT_SOURCE)),
        row=single(rows, p.ACCOUNT_ROW),
    )
    return accounts, check.findings


def _kinds(rows: pa.Table, check: _Check, settings: Settings) -> Int8s:
    """Checking or savings; what is not said is assumed, with one finding."""
    words = _texts(single(rows, f.ACCOUNT_KIND))
    default = settings.text("refund.default_account_kind")
    assumed = int((~_bools(words.is_valid()) & (check.trouble < 0)).sum())
    if assumed:
        check.findings.add("ACCOUNT_KIND_ASSUMED", column=str(f.ACCOUNT_KIND), value=default, count=assumed)
    found: Int8s = _bools(pc.equal(pc.fill_null(words, default), f.ACCOUNT_KIND.words[SAVINGS])).astype(np.int8)
    return readonly(found)


def _texts(values: pa.Array) -> pa.Array:
    """Words spelt out."""
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def _bools(values: pa.Array) -> Bools:
    """Truths as an array."""
    found: Bools = values.to_numpy(zero_copy_only=False)
    return found


def _matches(texts: pa.Array, pattern: str) -> Bools:
    """Which texts match; null does not."""
    return _bools(pc.fill_null(pc.match_substring_regex(texts, pattern), False))  # noqa: FBT003 - a value


def _lengths(texts: pa.Array) -> npt.NDArray[np.int32]:
    """Characters of each text, 0 for null."""
    found: npt.NDArray[np.int32] = pc.fill_null(pc.utf8_length(texts), 0).to_numpy(zero_copy_only=False)
    return found


def _digits(routing: pa.Array) -> npt.NDArray[np.int64]:
    """Nine digits of each number: int64[n, 9]."""
    letters = np.frombuffer("".join(routing.to_pylist()).encode("ascii"), np.uint8)
    return (letters.reshape(len(routing), ROUTING_DIGITS) - ord("0")).astype(np.int64)
