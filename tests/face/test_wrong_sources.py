"""Files and folders in the wrong place: one sentence that says what they are, and what belongs there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cape_engine import intake
from cape_engine.errors import InputError
from cape_engine.schema import facts as f
from face import exports
from face.exports import AS_OF, GOOD
from road import es003

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """The good rows as an export."""
    return exports.good_alone(tmp_path)


@pytest.fixture
def store(export: Path, tmp_path: Path, capsys: Capture) -> Path:
    """The good rows as a store."""
    assert es003.cape(capsys, "import", export, "--store", tmp_path / "store").code == 0
    return tmp_path / "store"


@pytest.mark.parametrize(
    ("option", "columns", "needed"),
    [
        ("--importers", f.IMPORTERS_FILE, "importer_number"),
        ("--deposits", f.DEPOSITS_FILE, "entry_number, deposit_date, amount_cents"),
    ],
)
def test_run__export_in_the_place_of_another_file(
    option: str, columns: tuple[str, ...], needed: str, export: Path, capsys: Capture
) -> None:
    """Instead of what an export may be, the columns of the file that belongs there are said."""
    said = es003.cape(capsys, "run", export, option, export, *AS_OF, "--quiet")
    assert (said.code, said.out) == (2, "")
    assert f"is no {option.removeprefix('--')} file" in said.err
    assert f"the columns {', '.join(columns)}, of which {needed} must be there" in said.err
    assert "--mapping" not in said.err


def test_run__deposits_without_a_column(export: Path, tmp_path: Path, capsys: Capture) -> None:
    """A deposits file that lacks a column is told which, and which it has to have."""
    deposits = es003.write_facts([{"entry_number": GOOD[0], "deposit_date": "2025-09-22"}], tmp_path / "deposits.csv")
    said = es003.cape(capsys, "run", export, "--deposits", deposits, *AS_OF, "--quiet")
    assert said.code == 2
    assert "it lacks amount_cents; found in row 1: entry_number, deposit_date" in said.err


def test_read_account_rows__export_in_the_place_of_importers(export: Path) -> None:
    """Enrolment, which reads accounts from importers files, says the same of an export."""
    with pytest.raises(InputError, match=r"is no importers file.*ach_enrolled"):
        intake.read_account_rows([export])


def test_import__store_as_source(store: Path, tmp_path: Path, capsys: Capture) -> None:
    """A store is no source of an import, and says so instead of what its inner files lack."""
    said = es003.cape(capsys, "import", store, "--store", tmp_path / "other", "--quiet")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert f"{store} is a store" in said.err
    assert not (tmp_path / "other").exists()
    said = es003.cape(capsys, "explain", GOOD[0], store, tmp_path / "good.csv", *AS_OF)
    assert (said.code, f"{store} is a store" in said.err) == (2, True)


@pytest.mark.parametrize("damage", ["killed", "cut off"])
def test_run__import_that_was_not_finished(damage: str, store: Path, capsys: Capture) -> None:
    """Partitions without a readable manifest are what a killed import leaves: it is to be repeated."""
    manifest = store / "manifest.json"
    if damage == "killed":
        manifest.unlink()
    else:
        manifest.write_text(manifest.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    said = es003.cape(capsys, "run", store, *AS_OF, "--quiet")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert f"{store} looks like a store whose import was not finished: repeat `cape import`" in said.err


def test_run__results_as_source(export: Path, tmp_path: Path, capsys: Capture) -> None:
    """Results are no sources; the sentence asks for what they were made from."""
    out = tmp_path / "out"
    assert es003.cape(capsys, "run", export, *AS_OF, "--out", out, "--quiet").code == 0
    said = es003.cape(capsys, "run", out, *AS_OF, "--quiet")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert f"{out} holds the results of `cape run`, not sources" in said.err


def test_run__folder_of_exports_with_an_empty_one(export: Path, tmp_path: Path, capsys: Capture) -> None:
    """Folders with exports are read, whatever their names; an empty one beside them does not matter."""
    folder = tmp_path / "exports"
    (folder / "part-00000").mkdir(parents=True)
    (folder / "part-00001").mkdir()
    shutil.copy(export, folder / "part-00001" / "export.csv")
    assert es003.cape(capsys, "run", folder, *AS_OF, "--quiet").code == 0
