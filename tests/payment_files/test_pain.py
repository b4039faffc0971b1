"""pain.001 files: valid by the published schema in both versions, sums, several files, escaped texts."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from cape_engine.errors import UsageError
from cape_engine.refund.payment_files.pain import NAMESPACE
from payment_files.made import (
    ACCENTED,
    GOOD,
    ORIGINATOR,
    PLAIN,
    ROUTING,
    SAVINGS,
    account,
    bank_files,
    made_files,
    payments,
)

VERSIONS = ("03", "09")
ROWS = [(GOOD, 9_999_999_999, "ready"), (SAVINGS, 5, "ready"), (ACCENTED, 100, "ready"), (GOOD, 123_456, "ready")]


@cache
def schema(version: str) -> Any:
    """The schema that ISO 20022 publishes, as sepaxml carries it."""
    text = resources.files("sepaxml").joinpath("schemas", f"pain.001.001.{version}.xsd").read_bytes()
    return etree.XMLSchema(etree.fromstring(text))


def tree(file: Path, version: str = "03") -> Any:
    """A file that the schema accepts."""
    found = etree.parse(file)
    schema(version).assertValid(found)
    return found


def texts(found: Any, path: str, version: str = "03") -> list[str]:
    """Texts of the elements at a path without prefixes."""
    steps = "/".join(f"p:{step}" if step != "." else step for step in path.split("/"))
    return [one.text for one in found.findall(f".//{steps}", {"p": NAMESPACE + version})]


@pytest.mark.parametrize("version", VERSIONS)
def test_files__valid_by_the_published_schema(tmp_path: Path, version: str) -> None:
    """Both versions are valid, and hold amounts, banks, accounts, names and references of the payments."""
    result = made_files(tmp_path, payments(ROWS), format="pain.001", settings={"refund.pain_version": version})
    [file] = bank_files(result, "pain.001")
    found = tree(file, version)
    assert texts(found, "Amt/InstdAmt", version) == ["99999999.99", "0.05", "1.00", "1234.56"]
    assert {one.get("Ccy") for one in found.iter(f"{{{NAMESPACE}{version}}}InstdAmt")} == {"USD"}
    assert texts(found, "CdtrAcct/Id/Othr/Id", version) == [PLAIN[name] for name, _, _ in ROWS]
    assert texts(found, "CdtrAcct/Tp/Cd", version) == ["CACC", "SVGS", "CACC", "CACC"]
    assert texts(found, "CdtrAgt/FinInstnId/ClrSysMmbId/MmbId", version) == [ROUTING] * 4
    assert set(texts(found, "ClrSysId/Cd", version)) == {"USABA"}
    assert texts(found, "Cdtr/Nm", version)[1:3] == [
        "Widgets + Sons Incorporated of Delaware",
        "Muller Strasse Lodz .",
    ]
    assert texts(found, "PmtId/EndToEndId", version)[0] == "00000000000000000000-1"
    assert texts(found, "PmtInf/PmtMtd", version) == ["TRF"]
    assert texts(found, "GrpHdr/NbOfTxs", version) == texts(found, "PmtInf/NbOfTxs", version) == ["4"]
    sums = texts(found, "GrpHdr/CtrlSum", version)
    assert sums == texts(found, "PmtInf/CtrlSum", version) == ["100001235.60"]
    assert Decimal(sums[0]) == sum(map(Decimal, texts(found, "Amt/InstdAmt", version)))
    assert texts(found, "ReqdExctnDt" if version == "03" else "ReqdExctnDt/Dt", version) == ["2026-06-23"]


@pytest.mark.parametrize("version", VERSIONS)
def test_schema__refuses_a_broken_file(tmp_path: Path, version: str) -> None:
    """The schema is really applied: three decimals, a long reference, a missing element or another version fail."""
    result = made_files(tmp_path, payments(ROWS), format="pain.001", settings={"refund.pain_version": version})
    good = bank_files(result, "pain.001")[0].read_text(encoding="utf-8")
    other = VERSIONS[version == "03"]
    assert schema(version).validate(etree.fromstring(good.encode()))
    for bad in (
        good.replace("1234.56", "1234.567891"),
        good.replace("00000000000000000000-1<", "0" * 36 + "<"),
        good.replace("<PmtMtd>TRF</PmtMtd>", ""),
        good.replace(f"001.{version}", f"001.{other}"),
    ):
        assert bad != good
        assert not schema(version).validate(etree.fromstring(bad.encode()))


def test_files__several_when_one_is_full(tmp_path: Path) -> None:
    """Two transactions a file: sums of each file, message ids that differ, every payment in exactly one."""
    result = made_files(tmp_path, payments(ROWS[:3]), format="pain.001", settings={"refund.pain_transactions": 2})
    trees = [tree(file) for file in bank_files(result, "pain.001")]
    assert [texts(one, "GrpHdr/CtrlSum") for one in trees] == [["100000000.04"], ["1.00"]]
    assert len({texts(one, "GrpHdr/MsgId")[0] for one in trees}) == 2
    ends = [end for one in trees for end in texts(one, "PmtId/EndToEndId")]
    assert ends == [f"{place:020X}-1" for place in range(3)]
    assert max(map(len, ends)) <= 35


def test_files__message_id_follows_the_content(tmp_path: Path) -> None:
    """Other payments on the same day give another message id; the same ones the same."""
    ids = []
    for folder, cents in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / folder).mkdir()
        result = made_files(tmp_path / folder, payments([(GOOD, cents, "ready")]), format="pain.001")
        ids.append(result.manifest["files"]["pain.001-20260622-001.xml"]["message_id"])
    assert ids[0] == ids[1] != ids[2]


def test_files__texts_are_escaped(tmp_path: Path) -> None:
    """A recipient whose number holds signs of XML stays text."""
    odd = "12-<A>&B"
    result = made_files(tmp_path, payments([(odd, 7, "ready")]), importers=[account(odd)], format="pain.001")
    found = tree(bank_files(result, "pain.001")[0])
    assert texts(found, "RmtInf/Ustrd") == [f"CAPE REFUND {odd} 2026-06-18 00000000000000000000"]


def test_files__both_formats_hold_the_same_payments(tmp_path: Path) -> None:
    """`both` writes the same payments twice; instructions.parquet names both places."""
    result = made_files(tmp_path, payments(ROWS), format="both")
    files = result.manifest["files"]
    sums = [(about["payments"], about["total_cents"]) for about in files.values() if "format" in about]
    assert sums == [(4, 10_000_123_560)] * 2


@pytest.mark.parametrize(("format_", "table"), [("nacha", "[nacha]"), ("pain.001", "[pain]")])
def test_originator__needs_the_table_of_the_format(tmp_path: Path, format_: str, table: str) -> None:
    """A format without its originator is refused, and nothing is written."""
    nacha, pain = ORIGINATOR.split("\n[pain]")
    rest = "[pain]" + pain if format_ == "nacha" else nacha
    with pytest.raises(UsageError, match=rf"need the table \{table}"):
        made_files(tmp_path, payments(ROWS), originator=rest, format=format_)
    assert not (tmp_path / "out" / "manifest.json").exists()
