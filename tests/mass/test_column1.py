"""Where column 1 rates come from: the user's table, our table, the export's text; and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from cape_engine.errors import InputError, RuleFileError
from cape_engine.mass_processing import load_column1, tally_findings
from cape_engine.schema import rows as t
from cape_engine.schema.codes import Trial
from mass.builders import entry, line, run, tariff

KNOWN, UNKNOWN = "3923900080", "0100000000"


def replacement(base: str, text: str | None = None) -> dict[str, object]:
    """An entry with 15 % of 1,000 on a replacement number, and the export's column 1 text."""
    return entry(line(tariff("99030220", 15_000), tariff(base, 0, 1_000), **{t.COLUMN1_RATE_TEXT: text}))


def written(folder: Path, *rows: str) -> Path:
    """A CSV file of those rows."""
    file = folder / "column1.csv"
    file.write_text("\n".join(rows), encoding="utf-8")
    return file


def test_column1__user_table_first(tmp_path: Path) -> None:
    """The user's rate counts before the table; ten digits count before eight."""
    rows = (
        "hts_number,valid_from,computation_code,ad_valorem_rate",
        "39239000,,7,0.05",
        "3923900080,2025-01-01,7,0.04",
    )
    table = load_column1(written(tmp_path, *rows))
    assert run(replacement(KNOWN), column1=table).restored_column1_cents[0] == 4_000
    assert run(replacement("3923900010"), column1=table).restored_column1_cents[0] == 5_000
    assert run(replacement(KNOWN)).restored_column1_cents[0] == 3_000


def test_column1__export_text_for_unknown_number() -> None:
    """A number our tables do not know takes the export's text; without a text it cannot be calculated."""
    result = run(replacement(UNKNOWN, "4%"), replacement(UNKNOWN))
    assert result.restored_column1_cents.tolist() == [4_000, 0]
    assert [bool(int(trial) & Trial.UNABLE) for trial in result.trial] == [False, True]


def test_column1__disagreement_is_said_once() -> None:
    """Text and table disagree: the table counts, one finding per number and text, with count and example."""
    result = run(replacement(KNOWN, "5%"), replacement(KNOWN, "5%"), replacement(KNOWN, "3%"))
    assert result.restored_column1_cents.tolist() == [3_000] * 3
    found = tally_findings([result.tallies, result.tallies]).to_table().to_pylist()
    assert [(row["code"], row["value"]) for row in found] == [("COLUMN1_DISAGREES", "5%")]
    assert "(4 rows)" in found[0]["message"]


def test_column1__export_first_by_setting() -> None:
    """mass.column1_source = export lets the text count before the table."""
    result = run(replacement(KNOWN, "5%"), settings={"mass.column1_source": "export"})
    assert result.restored_column1_cents[0] == 5_000


def test_column1__unreadable_text() -> None:
    """A text that cannot be read is named and never guessed."""
    result = run(replacement(KNOWN, "see note 3"))
    assert result.restored_column1_cents[0] == 3_000
    assert {key[0] for key in result.tallies.seen} == {"COLUMN1_TEXT_UNREADABLE"}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (("hts_number,rate", "39239000,3%"), "unknown columns"),
        (("hts_number,rate_text", "3923,3%"), "not 8 or 10 digits"),
        (("hts_number,rate_text", "39239000,about 3%"), "cannot be read"),
        (("hts_number,computation_code,ad_valorem_rate", "39239000,Z,0.03"), "not one of"),
        (("hts_number,computation_code,ad_valorem_rate", "39239000,7,"), "does not fit"),
        (("hts_number,computation_code,ad_valorem_rate", "39239000,7,3%"), "not a rate"),
        (("hts_number,valid_from,rate_text", "39239000,1 May,3%"), "Days are written"),
        (("hts_number,rate_text", "39239000,3%", "39239000,4%"), "two rates on one day"),
    ],
)
def test_load_column1__refuses(rows: tuple[str, ...], words: str, tmp_path: Path) -> None:
    """A broken rate table is refused with its file and row, and nothing is run."""
    with pytest.raises(RuleFileError, match=words):
        load_column1(written(tmp_path, *rows))


def test_load_column1__no_file(tmp_path: Path) -> None:
    """A file that is not there is an input error."""
    with pytest.raises(InputError, match="not a readable"):
        load_column1(tmp_path / "none.csv")


def test_versions__minor_plus_one() -> None:
    """The minor part rises by one; unknown counts as 00100; after minor 99 there is none, with a finding."""
    made = [replacement(KNOWN) | {"version": version} for version in ("00100", None, "00299")]
    result = run(*made)
    assert result.new_version.to_pylist() == ["00101", "00101", None]
    assert "VERSION_EXHAUSTED" in {row["code"] for row in result.findings.to_table().to_pylist()}
