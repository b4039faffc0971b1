"""The statement of one importer as a page that any browser shows and prints."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol

import jinja2
import pyarrow as pa

from cape_engine.money import cents_text

MOST_ENTRIES = 5_000
"""Entries that a page lists; all of them stand in the tables beside it."""


class Money(Protocol):
    """Payments of an importer, `STATEMENT_PAYMENTS`, and where the money is, `STATEMENT_MONEY`."""

    @property
    def payments(self) -> pa.Table:
        """One row a payment."""

    @property
    def money(self) -> pa.Table:
        """One row."""


def statement_page(
    importer: Mapping[str, Any], entries: pa.Table, as_of: dt.date, source: str, paid: Money | None = None
) -> str:
    """The page of one importer.

    Args:
        importer: its row of `schema.books.STATEMENT_IMPORTERS`.
        entries: its rows of `STATEMENT_ENTRIES`.
        as_of: day of the statement.
        source: what it was made from.
        paid: its payments, where it was made from a ledger.
    """
    payments = [] if paid is None else paid.payments.slice(0, MOST_ENTRIES).to_pylist()
    return _template().render(
        importer=importer,
        entries=entries.slice(0, MOST_ENTRIES).to_pylist(),
        more=max(entries.num_rows - MOST_ENTRIES, 0),
        as_of=as_of,
        source=source,
        payments=payments,
        money=paid.money.to_pylist()[0] if paid is not None and paid.money.num_rows else None,
        more_payments=0 if paid is None else max(paid.payments.num_rows - MOST_ENTRIES, 0),
    )


@cache
def _template() -> jinja2.Template:
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("cape_engine.report"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    templates.filters["dollars"] = cents_text
    return templates.get_template("statement.html")
