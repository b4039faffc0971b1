"""Who is paid: the 4811 test, comparison and spelling of numbers (handbook 7.3, clarifications 7 and 15)."""

from __future__ import annotations

import pytest

from cape_engine.refund import Register, key_of
from cape_engine.refund.recipients import parties
from cape_engine.refund.register import importers_by_key
from cape_engine.schema.column import arrow_schema
from cape_engine.schema.facts import IMPORTERS_FILE
from cape_engine.schema.rows import STORE_ENTRIES_SCHEMA
from reference.refund import table

OWNER, AGENT = "12-345678900", "77-000000100"


@pytest.mark.parametrize(
    ("importer", "agent", "on_profile", "paid"),
    [
        (OWNER, None, None, OWNER),
        (OWNER, AGENT, True, AGENT),
        (OWNER, AGENT, False, OWNER),
        (OWNER, AGENT, None, OWNER),
        (OWNER, None, True, OWNER),
        (OWNER, " ", True, OWNER),
        (None, AGENT, True, AGENT),
        (None, AGENT, False, None),
        (None, None, None, None),
        ("", None, None, None),
    ],
)
def test_parties__4811(importer: str | None, agent: str | None, on_profile: bool | None, paid: str | None) -> None:
    """The 4811 party is paid only when named on the 7501 and standing on the profile; else the importer of record."""
    row = {"importer_number": importer, "notify_party": agent, "notify_party_on_profile": on_profile}
    assert parties(table(STORE_ENTRIES_SCHEMA, [row]), Register()).recipients().to_pylist() == [paid]


def test_key_of__dashes_blanks_case() -> None:
    """Numbers are compared without dashes, blanks and case."""
    assert key_of(" 12-3456789ab ") == key_of("12 3456789AB") == "123456789AB"
    assert key_of(None) == key_of(" - ") == ""


def test_parties__one_spelling_for_one_number() -> None:
    """Two spellings of one importer are one recipient."""
    rows = [{"importer_number": word} for word in ("12-3456789ab", "123456789AB", "12 3456789AB")]
    who = parties(table(STORE_ENTRIES_SCHEMA, rows), Register())
    assert len(set(who.recipients().to_pylist())) == 1
    assert len(set(who.recipient.tolist())) == 1


def test_spellings__importers_file_then_smallest() -> None:
    """A number is shown as the importers file gives it, else in the smallest spelling of all partitions."""
    importers = table(arrow_schema(IMPORTERS_FILE), [{"importer_number": "12 345678900"}])
    register = Register(importers)
    words = ["12-345678900", "77000000100", "77-000000100", None, "12345678900", ""]
    places = register.learn(words)
    shown = register.shown(places).to_pylist()
    assert shown == ["12 345678900", "77-000000100", "77-000000100", "", "12 345678900", ""]


def test_importers_by_key__repeated_rows() -> None:
    """Of repeated rows the first known kind counts, and money is held when one of them says not enrolled."""
    rows = [
        {"importer_number": "12-1", "ach_enrolled": True},
        {"importer_number": "121", "importer_kind": "noncorporate", "ach_enrolled": False},
        {"importer_number": " ", "ach_enrolled": True},
    ]
    for order in (rows, rows[::-1]):
        found = importers_by_key(table(arrow_schema(IMPORTERS_FILE), order))
        assert list(found) == ["121"]
        assert (found["121"].kind, found["121"].ach_enrolled, found["121"].spelling) == (1, False, "12-1")
