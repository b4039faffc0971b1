"""Packing as a rule: every candidate in exactly one file, the fewest files, the urgent first, the same bytes."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine.claim_portal import packing
from cape_engine.errors import SettingError
from cape_engine.intake.entries import keys_of_texts
from cape_engine.settings import Settings

DAY = dt.date(2026, 5, 4)
FILERS = ("ABC", "XYZ", "9AZ")
IMPORTERS = ("12345678900", "98765432100", "123456789")
Entry = tuple[str, int, int | None, int]
"""Entry number, importer, days left, principal."""

NUMBERS = st.builds(lambda filer, number: f"{filer}{number:08d}", st.sampled_from(FILERS), st.integers(0, 400))
ENTRIES = st.lists(
    st.tuples(NUMBERS, st.integers(0, 2), st.none() | st.integers(0, 80), st.integers(0, 300)),
    max_size=60,
    unique_by=lambda entry: entry[0],
)


def candidates(entries: list[Entry]) -> packing.Candidates:
    """Entries as the packer takes them."""
    return packing.Candidates(
        keys_of_texts(pa.array([entry[0] for entry in entries], pa.string()))[0],
        np.array([entry[1] for entry in entries], np.int32),
        IMPORTERS,
        np.array([packing.UNLIQUIDATED if entry[2] is None else entry[2] for entry in entries], np.int32),
        np.array([entry[3] for entry in entries], np.int64),
    )


def packed(
    entries: list[Entry], *, most: int = 7, urgent: int = 0, used: dict[str, int] | None = None
) -> packing.Packed:
    """The declarations of some entries."""
    limits = packing.Limits(most, urgent, b"\r\n")
    return packing.pack(candidates(entries), limits=limits, as_of=DAY, used=used)


def twin(entries: list[Entry], most: int, urgent: int) -> dict[str, list[str]]:
    """Handbook 4.6 steps 3 to 5, one entry after the other in plain Python."""
    files: dict[str, list[str]] = {}
    for filer in FILERS:
        for place, importer in enumerate(IMPORTERS):
            mine = [entry for entry in entries if entry[0].startswith(filer) and entry[1] == place]
            mine.sort(key=lambda entry: (entry[2] is None, entry[2] or 0, -entry[3], entry[0]))
            first = [entry for entry in mine if entry[2] is not None and entry[2] < urgent]
            rest = mine[len(first) :]
            cuts = [part[at : at + most] for part in (first, rest) for at in range(0, len(part), most)]
            for sequence, cut in enumerate(cuts, 1):
                files[f"CAPE_{filer}_{importer}_2026-05-04_{sequence:03d}.csv"] = [entry[0] for entry in cut]
    return files


@given(ENTRIES, st.integers(1, 9), st.sampled_from([0, 0, 5, 100]))
def test_pack__as_the_handbook_says(entries: list[Entry], most: int, urgent: int) -> None:
    """Names, order and cuts of all files are those of the plain reading of the handbook."""
    found = packed(entries, most=most, urgent=urgent)
    assert {file.name: found.entry_numbers(file).to_pylist() for file in found.files} == twin(entries, most, urgent)


@given(ENTRIES, st.integers(1, 9))
def test_pack__fewest_files(entries: list[Entry], most: int) -> None:
    """No packing of one filer and importer a file needs fewer files: each group has its count divided, rounded up."""
    found = packed(entries, most=most)
    groups: dict[tuple[str, int], int] = {}
    for entry in entries:
        groups[entry[0][:3], entry[1]] = groups.get((entry[0][:3], entry[1]), 0) + 1
    assert len(found.files) == sum(-(-count // most) for count in groups.values())
    assert all(0 < file.entries <= most for file in found.files)


@given(ENTRIES, st.integers(1, 9), st.randoms(use_true_random=False))
def test_pack__complete_and_the_same_in_any_order(entries: list[Entry], most: int, random: object) -> None:
    """Each candidate stands in exactly one file, and the bytes do not depend on the order of the candidates."""
    found = packed(entries, most=most)
    listed = [number for _, content, _ in found.contents() for number in content.decode().split("\r\n")[1:-1]]
    assert sorted(listed) == sorted(entry[0] for entry in entries)
    assert listed == found.entry_numbers().to_pylist()
    mixed = list(entries)
    random.shuffle(mixed)  # type: ignore[attr-defined] # hypothesis gives a `Random`
    again = packed(mixed, most=most)
    assert [(file.name, content) for file, content, _ in again.contents()] == [
        (file.name, content) for file, content, _ in found.contents()
    ]


@given(ENTRIES, st.integers(1, 9))
def test_pack__nobody_else_in_the_file(entries: list[Entry], most: int) -> None:
    """A file holds entries of one filer and one importer only."""
    importer = {entry[0]: entry[1] for entry in entries}
    found = packed(entries, most=most)
    for file in found.files:
        numbers = found.entry_numbers(file).to_pylist()
        assert {number[:3] for number in numbers} == {file.filer_code}
        assert {importer[number] for number in numbers} == {file.importer}


def test_content__to_the_byte() -> None:
    """One column, the heading of the template, CRLF, nothing quoted, no byte order mark."""
    found = packed([("ABC12345676", 0, None, 5), ("ABC00000018", 0, 3, 1)])
    assert [found.content(file) for file in found.files] == [b"Entry Number\r\nABC00000018\r\nABC12345676\r\n"]


def test_pack__nothing() -> None:
    """Without candidates there is no file."""
    assert packed([]).files == ()


def test_pack__sequence_goes_on() -> None:
    """A name given on the same day is not given twice."""
    found = packed([("ABC12345676", 0, None, 5)], used={"CAPE_ABC_12345678900_2026-05-04": 4})
    assert found.files[0].name == "CAPE_ABC_12345678900_2026-05-04_005.csv"
    assert packing.sequence_of(found.files[0].name) == ("CAPE_ABC_12345678900_2026-05-04", 5)


@pytest.mark.parametrize("name", ["left_out.csv", "CAPE_ABC_1_2026-05-04_001.txt", "CAPE_x.csv", "001.csv"])
def test_sequence_of__other_names(name: str) -> None:
    """Other files than packed declarations are left alone."""
    assert packing.sequence_of(name) is None


def test_pack__full_and_one_more() -> None:
    """9,999 entries are one file, 10,000 are two."""
    entries: list[Entry] = [(f"ABC{number:08d}", 0, None, 0) for number in range(10_000)]
    limits = packing.Limits.of(Settings.build())
    for count, sizes in ((9_999, [9_999]), (10_000, [9_999, 1])):
        found = packing.pack(candidates(entries[:count]), limits=limits, as_of=DAY)
        assert [file.entries for file in found.files] == sizes


def test_limits__bytes_count_too() -> None:
    """A file stays below claim.max_bytes, which refuses a file of just that size."""
    limits = packing.Limits.of(Settings.build({"claim.max_bytes": 14 + 3 * 13}))
    assert limits.most == 2
    assert packing.Limits.of(Settings.build({"claim.max_bytes": 14 + 3 * 13 + 1})).most == 3
    assert packing.Limits.of(Settings.build({"claim.newline": "lf"})).newline == b"\n"


@pytest.mark.parametrize("settings", [{"claim.max_entries": 0}, {"claim.max_bytes": 20}])
def test_limits__no_room(settings: dict[str, object]) -> None:
    """Settings under which not one entry fits are refused."""
    with pytest.raises(SettingError, match="no room"):
        packing.Limits.of(Settings.build(settings))


def test_stem__strange_importers() -> None:
    """What is no letter or digit cannot leave the folder, and different importers keep different names."""
    names = {packing.stem("ABC", importer, DAY) for importer in ("../X", "..X", "É", "12 3", "123")}
    assert len(names) == 5
    assert all("/" not in name and "." not in name for name in names)
