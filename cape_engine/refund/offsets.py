"""What is taken from refunds for debts of their recipients, and how the rest is cut into payments anew."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_LETTERS = 20
"""Letters of a payment key, as in `refund.keys`."""


@dataclass(frozen=True, slots=True)
class Debt:
    """A debt with what is still open of it.

    Attributes:
        debt: its identity.
        rest_cents: what is open, above zero.
    """

    debt: str
    rest_cents: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What a debt takes from a refund: cents above zero; `refund` is a place among the refunds given."""

    debt: str
    refund: int
    cents: int


def take(debts: Iterable[Debt], refunds_cents: Sequence[int]) -> list[Taken]:
    """Serve debts of one recipient out of its refunds, both in order (19 CFR 24.72): the first debt first, to its end.

    Args:
        debts: in the order in which they are served.
        refunds_cents: what each refund can give, in the order in which they are paid.
    """
    rest, found, place = list(refunds_cents), [], 0
    for debt in debts:
        open_ = debt.rest_cents
        while open_ and place < len(rest):
            cents = min(open_, rest[place])
            if cents:
                found.append(Taken(debt.debt, place, cents))
            open_ -= cents
            rest[place] -= cents
            if not rest[place]:
                place += 1
    return found


def cut(cents: int, cap: int) -> list[int]:
    """The fewest payments that a sum makes, full ones first (handbook 7.4); none for nothing."""
    full, rest = divmod(cents, cap)
    return [cap] * full + [rest] * bool(rest)


def new_key(key: str, why: str) -> str:
    """Key of a payment that takes the place of another one: a hash of that key and of why, never of an amount."""
    return hashlib.sha256(f"{key}|{why}".encode()).hexdigest()[:_LETTERS].upper()
