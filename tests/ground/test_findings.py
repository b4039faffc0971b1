"""Findings: rows of one table, in an order that depends on their content only."""

from __future__ import annotations

import pytest

from cape_engine.findings import Findings, catalogue
from cape_engine.schema import results as r


def test_catalogue__words_are_there() -> None:
    """Every kind of finding says what is wrong and what to do."""
    for kind in catalogue().values():
        assert kind.message, kind.code
        assert kind.remedy, kind.code
        assert kind.code == kind.code.upper()


def test_findings__to_table_order() -> None:
    """The same findings added in another order give the same table."""
    one, other = Findings(), Findings()
    for found, order in ((one, (1, 2, 3)), (other, (3, 1, 2))):
        for number in order:
            found.add("FACT_NOT_GIVEN", column=f"column {number}", value=number, default="x")
    assert one.to_table().equals(other.to_table())
    assert len(one) == 3


def test_findings__append_table() -> None:
    """A table of findings built in bulk stands beside the single ones."""
    first, second = Findings(), Findings()
    first.add("FACT_NOT_GIVEN", column="a", value=1, default="x")
    second.append_table(first.to_table())
    second.extend(first)
    assert second.to_table().num_rows == 2
    assert second.to_table().schema.equals(r.RESULT_FINDINGS_SCHEMA)


def test_findings__unknown_code() -> None:
    """A code that is not in the catalogue is a fault of the program."""
    with pytest.raises(KeyError):
        Findings().add("NO_SUCH_CODE")
