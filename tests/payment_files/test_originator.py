"""The originator's facts: every key is needed, known and fits; broken files are refused without quoting numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cape_engine.errors import UsageError
from cape_engine.refund.payment_files.originator import read_originator
from payment_files.made import ORIGINATOR, originator_file


def bad_originators() -> Iterator[tuple[str, str]]:
    """Broken facts, and what is said."""
    yield "", r"\[nacha\] and \[pain\]"
    yield "[nacha]\n" + "x", "not a readable TOML"
    yield ORIGINATOR.replace("[pain]", "[sepa]"), r"not \[sepa\]"
    yield ORIGINATOR.replace('odfi = "87654321"\n', ""), "lacks odfi"
    yield ORIGINATOR.replace("odfi", "odfy"), "no key 'odfy'|lacks odfi"
    yield ORIGINATOR.replace('odfi = "87654321"', 'odfi = "1234567"'), "odfi does not take '1234567'"
    yield ORIGINATOR.replace('destination = "123456780"', 'destination = "123456781"'), "check digit"
    yield ORIGINATOR.replace('"TEST PAYER"', '"Test Payer"'), "company_name does not take"
    yield ORIGINATOR.replace('"TEST PAYER"', '"A NAME OF SEVENTEEN"'), "company_name does not take"
    yield ORIGINATOR.replace('originator_status = "2"', "originator_status = 2"), "originator_status does not take 2"
    yield "nacha = 3", r"\[nacha\] is a table"


@pytest.mark.parametrize(("text", "said"), list(bad_originators()))
def test_originator__broken_facts(tmp_path: Path, text: str, said: str) -> None:
    """Every key is needed, known and fits its field; the message names file, table and key."""
    with pytest.raises(UsageError, match=said) as wrong:
        read_originator(originator_file(tmp_path / "who.toml", text))
    assert "who.toml" in str(wrong.value)


def test_originator__of_the_documentation() -> None:
    """The facts that the page shows are those of these tests: made up, complete, and read as they stand."""
    page = Path(__file__).parents[2] / "docs" / "payment_files.md"
    assert f"```toml\n{ORIGINATOR}```" in page.read_text(encoding="utf-8")


def test_originator__missing_file(tmp_path: Path) -> None:
    """A file that is not there is said so."""
    with pytest.raises(UsageError, match="cannot be opened"):
        read_originator(tmp_path / "none.toml")
