"""Entry number kernels against the twin from Appendix E and the worked table of the handbook (3.2, OF-04)."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine.intake.entries import key_texts, keys_of_texts, wanted_check_digits
from cape_kernels import entry_number as k
from reference import entry_number as twin

NUMBERS = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=11, max_size=11)
STATUS = {
    "ok": k.ENTRY_OK,
    "blank": k.ENTRY_BLANK,
    "character": k.ENTRY_BAD_CHARACTER,
    "length": k.ENTRY_BAD_LENGTH,
}


def keys(texts: list[str]) -> tuple[list[int], list[int]]:
    """Keys and statuses of texts."""
    found, status = keys_of_texts(pa.array(texts, pa.string()))
    return found.tolist(), status.tolist()


@pytest.mark.parametrize(
    ("first_ten", "digit"),
    [
        ("B760324527", 8),
        ("ABC1234567", 6),
        ("XYZ0000001", 5),
        ("9AZ7654321", 4),
        ("S4R0102030", 5),
        ("5550123456", 5),
    ],
)
def test_check_digits__worked_table(first_ten: str, digit: int) -> None:
    """Kernel and twin give the check digits of the handbook's table; the first is CBP's own example (OF-04)."""
    found, _status = keys([f"{first_ten}0"])
    assert wanted_check_digits(np.array(found)).tolist() == [digit]
    assert twin.check_digit(first_ten) == digit


@given(st.lists(NUMBERS, min_size=1, max_size=20))
def test_check_digits__any_numbers(numbers: list[str]) -> None:
    """The kernel's check digit equals the twin's for any eleven letters and digits."""
    found, _status = keys(numbers)
    assert wanted_check_digits(np.array(found)).tolist() == [twin.check_digit(number[:10]) for number in numbers]


@given(st.lists(NUMBERS, min_size=1, max_size=20))
def test_entry_keys__round_trip_and_order(numbers: list[str]) -> None:
    """A key comes back as its text, equals the twin's, and sorts as the text does."""
    found, status = keys(numbers)
    assert set(status) == {k.ENTRY_OK}
    assert found == [twin.key(number) for number in numbers]
    assert key_texts(np.array(found)).to_pylist() == numbers == [twin.text(key) for key in found]
    assert [numbers[place] for place in np.argsort(found, kind="stable")] == sorted(numbers)


@given(st.lists(st.text("Aaz09-= \t\"'./é", max_size=14), min_size=1, max_size=20))
def test_entry_keys__what_is_not_a_number(cells: list[str]) -> None:
    """Every cell gets the twin's verdict; only a readable number has a key."""
    found, status = keys(cells)
    assert status == [STATUS[twin.read(cell)] for cell in cells]
    assert [key >= 0 for key in found] == [twin.read(cell) == "ok" for cell in cells]


@pytest.mark.parametrize(
    "cell", ["ABC-1234567-6", "abc12345676", '="ABC12345676"', '=""ABC12345676""', " ABC 1234567 6\t", "'ABC12345676"]
)
def test_entry_keys__spellings(cell: str) -> None:
    """Dashes, lower case, blanks, apostrophes and spreadsheet guards do not change the number."""
    found, _status = keys([cell])
    assert key_texts(np.array(found)).to_pylist() == ["ABC12345676"]
