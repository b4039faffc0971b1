"""Account numbers in tables that people read: masked, left out or encrypted (`refund.account_numbers`)."""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cape_engine.bridge import Int32s
from cape_engine.errors import UsageError
from cape_engine.intake.masking import masked_texts
from cape_engine.refund.payment_files.accounts import Accounts

MASKED, NONE, ENCRYPTED = "masked", "none", "encrypted"
KEY_VARIABLE = "CAPE_ACCOUNT_KEY"
_KEY = re.compile(r"(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{128})")


class Shown:
    """Numbers as a table may hold them; each account is worked on once.

    Args:
        accounts: of the recipients.
        how: masked, none or encrypted (`refund.account_numbers`).
        key: for encrypted, of `read_key`.

    Raises:
        UsageError: encryption without a key, or without the package it needs.
    """

    def __init__(self, accounts: Accounts, how: str, key: bytes | None = None) -> None:
        self._accounts = accounts
        self._how = how
        self._sealing = _sealing(key) if how == ENCRYPTED else None
        self._done = np.zeros(len(accounts), np.bool_)
        self._routing: list[str | None] = [None] * len(accounts)
        self._account: list[str | None] = [None] * len(accounts)

    def take(self, place: Int32s) -> tuple[pa.Array, pa.Array]:
        """(routing numbers, account numbers) of accounts, null with `none`.

        Args:
            place: int32[n], accounts that can be paid to.
        """
        if self._how == NONE:
            return pa.nulls(len(place), pa.string()), pa.nulls(len(place), pa.string())
        if self._how == ENCRYPTED:
            self._seal(np.unique(place))
            places = place.tolist()
            return (
                pa.array([self._routing[at] for at in places], pa.string()),
                pa.array([self._account[at] for at in places], pa.string()),
            )
        rows = pa.array(place)
        return masked_texts(self._accounts.routing.take(rows)), masked_texts(self._accounts.account.take(rows))

    def _seal(self, wanted: Int32s) -> None:
        """Encrypt the numbers of accounts that were not met before."""
        new = wanted[~self._done[wanted]]
        self._done[new] = True
        rows = pa.array(new)
        plain = (self._accounts.keys, self._accounts.routing, self._accounts.account)
        for at, key, routing, account in zip(
            new.tolist(), *(numbers.take(rows).to_pylist() for numbers in plain), strict=True
        ):
            self._routing[at] = _sealed(self._sealing, routing, key.encode())
            self._account[at] = _sealed(self._sealing, account, key.encode())


def read_key(file: Path | None) -> bytes | None:
    """The key of encryption: 64 or 128 hexadecimal digits in a file, else in the variable `CAPE_ACCOUNT_KEY`.

    Raises:
        UsageError: it is not readable or no key; what stands there is not shown.
    """
    where = KEY_VARIABLE if file is None else str(file)
    try:
        text = os.environ.get(KEY_VARIABLE) if file is None else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"{where}: the key cannot be read") from None
    if text is None:
        return None
    if _KEY.fullmatch(text.strip()) is None:
        raise UsageError(f"{where}: a key is 64 or 128 hexadecimal digits, for example of `openssl rand -hex 64`")
    return bytes.fromhex(text.strip())


def opened(text: str, recipient_key: str, key: bytes) -> str:
    """An encrypted number in plain.

    Args:
        text: as a table holds it.
        recipient_key: the recipient without dashes, blanks and case.
        key: of `read_key`.

    Raises:
        UsageError: another key, another recipient, or a text that somebody changed.
    """
    sealing = _sealing(key)
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - an extra

    try:
        plain: bytes = sealing.decrypt(base64.b64decode(text, validate=True), [recipient_key.encode()])
    except (InvalidTag, ValueError):
        raise UsageError("the number does not open: another key, another recipient, or a changed text") from None
    return plain.decode()


def _sealing(key: bytes | None) -> Any:
    """AES-SIV (RFC 5297): it needs no random number, so that the same inputs give the same bytes."""
    if key is None:
        raise UsageError(
            f"refund.account_numbers = encrypted needs a key: give --account-key FILE or set {KEY_VARIABLE}"
        )
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV  # noqa: PLC0415 - an extra
    except ImportError:
        raise UsageError("encryption needs the extra: pip install 'cape-engine[accounts]'") from None
    return AESSIV(key)


def _sealed(sealing: Any, plain: str, about: bytes) -> str:
    """A number encrypted; one number of two recipients gives two texts."""
    return base64.b64encode(sealing.encrypt(plain.encode(), [about])).decode()
