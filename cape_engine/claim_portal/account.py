"""Who files: kinds of ACE accounts, and whether an account may declare an entry (handbook 4.1, check 8 of 4.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cape_engine import bridge
from cape_engine.bridge import Bools
from cape_engine.errors import UsageError
from cape_engine.schema import facts as f

KINDS = ("importer", "filer", "broker")
"""Account kinds that may file: Importer, Filer (of Filer Type Importer), Organizational Broker."""
_ALIASES = {"organizational broker": "broker", "organizational_broker": "broker"}
_FILER_CODE = 3


@dataclass(frozen=True, slots=True)
class Account:
    """An ACE account that uploads declarations.

    Attributes:
        kind: one of `KINDS`, or the word given, which the portal then refuses.
        filer_code: its filer code, blank for none.
        importer_number: its importer of record number as given, blank for none.
        filer_type: of a Filer account: only `importer` may file.
    """

    kind: str
    filer_code: str = ""
    importer_number: str = ""
    filer_type: str = "importer"

    @property
    def may_file(self) -> bool:
        """Whether accounts of this kind may upload declarations at all."""
        return self.kind in KINDS and (self.kind != "filer" or self.filer_type == "importer")

    @property
    def submitter(self) -> str:
        """The filer code or importer number it files as; blank when nobody said."""
        return self.importer_number if self.kind == "importer" else self.filer_code or self.importer_number

    @property
    def known(self) -> bool:
        """Whether anything is known to compare entries with."""
        return bool(self.submitter)


def account_of(
    kind: str | None = None,
    *,
    filer_code: str | None = None,
    importer_number: str | None = None,
    filer_type: str | None = None,
) -> Account:
    """The account that the options describe; without any, nobody's: no entry is refused for it.

    Args:
        kind: word of the account kind; without it a filer code means a broker, an importer number an importer.
        filer_code: three letters and digits.
        importer_number: importer of record number, with or without dashes.
        filer_type: of a Filer account; `importer` if not given.

    Raises:
        UsageError: the kind and the numbers do not fit together.
    """
    code = (filer_code or "").strip().upper()
    number = (importer_number or "").strip()
    if code and (len(code) != _FILER_CODE or not (code.isascii() and code.isalnum())):
        raise UsageError(f"{filer_code!r} is not a filer code; it has three letters and digits, such as ABC")
    if filer_code is not None and not code:
        raise UsageError("the filer code is blank; give three letters and digits, such as ABC")
    if importer_number is not None and not number:
        raise UsageError("the importer number is blank; write it as 12-345678900")
    word = (kind or ("broker" if code else "importer")).strip().lower()
    word = _ALIASES.get(word, word)
    if kind is not None and word == "importer" and not number:
        raise UsageError("an importer account needs its number: add --as-importer, such as 12-345678900")
    if kind is not None and word == "broker" and not code:
        raise UsageError("a broker account needs its filer code: add --as-filer, such as ABC")
    if kind is not None and word == "filer" and not (code or number):
        raise UsageError("a filer account needs its filer code or importer number: add --as-filer or --as-importer")
    return Account(word, code, number, (filer_type or "importer").strip().lower())


def may_declare(account: Account, entries: pa.Table, numbers: pa.Array) -> Bools:
    """Which entries an account may declare: its importer of record does, or the broker that filed them.

    An entry whose importer is unknown passes (clarification 17).

    Args:
        account: who files.
        entries: entries of the store, n rows.
        numbers: their entry numbers, text; the first three characters are the filer code.
    """
    count = len(numbers)
    if not account.known:
        return np.ones(count, np.bool_)
    fits = np.zeros(count, np.bool_)
    if account.importer_number and account.kind != "broker":
        codes, vocabulary = bridge.codes(entries, f.IMPORTER_NUMBER)
        own = plain_number(account.importer_number)
        same = np.array([plain_number(word) == own for word in vocabulary] + [True], np.bool_)  # the last one: unknown
        fits |= same[codes.astype(np.int64)]
    if account.filer_code and account.kind != "importer":
        own_code = account.filer_code.encode()
        prefixes = np.array(numbers.to_pylist(), f"S{_FILER_CODE}")
        fits |= prefixes == own_code
    return fits


def plain_number(number: str) -> str:
    """An importer number as it is compared: without dashes, blanks and case (clarification 15)."""
    return number.replace("-", "").strip().upper()
