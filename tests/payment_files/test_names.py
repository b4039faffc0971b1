"""Names: spelt by the stated rule, cut at the field, and nothing in them that a format does not take."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine.refund.payment_files.names import NACHA, PAIN, Spelt, Style, spelt


def one(name: str | None, style: Style = NACHA) -> tuple[str, Spelt]:
    """A single name."""
    found = spelt(pa.array([name], pa.string()), style)
    return found.texts[0].as_py(), found


@pytest.mark.parametrize(
    ("given_name", "nacha", "pain"),
    [
        ("Acme Imports", "ACME IMPORTS", "Acme Imports"),
        ("  Two\t words \n", "TWO WORDS", "Two words"),
        ("Müller & Söhne", "MULLER & SOHNE", "Muller + Sohne"),
        ("Straße Æther Øre", "STRASSE AETHER ORE", "Strasse AEther Ore"),
        ("Łódź Đặng Þór", "LODZ DANG THOR", "Lodz Dang THor"),
        ("L\u2019Oréal \u2013 Paris", "L'OREAL - PARIS", "L'Oreal - Paris"),
        ("東京 KK", ".. KK", ".. KK"),
        ("A@B #1", "A@B #1", "A.B .1"),
        ("e\u0301cole", "ECOLE", "ecole"),
        ("\u01c6 \ufb01ne", "DZ FINE", "dz fine"),
    ],
)
def test_spelt__rule(given_name: str, nacha: str, pain: str) -> None:
    """The rule of the module, sign by sign."""
    assert one(given_name)[0] == nacha
    assert one(given_name, PAIN)[0] == pain


def test_spelt__tells_what_happened() -> None:
    """Spelt otherwise, lost and cut are told apart; a plain name is none of them."""
    assert one("Plain")[1].spelt.tolist() == [False]
    accented = one("Café")[1]
    assert (accented.spelt.tolist(), accented.lost) == ([True], {})
    lost = one("株式 株")[1]
    assert lost.lost == {0: "株式"}
    assert [one("x" * length)[1].cut.tolist() for length in (22, 23)] == [[False], [True]]
    assert [one("x" * length, PAIN)[1].cut.tolist() for length in (140, 141)] == [[False], [True]]
    assert (one("x" * 23)[0], one("y" * 141, PAIN)[0]) == ("X" * 22, "y" * 140)
    assert one("x" * 21 + " y")[0] == "X" * 21, "a blank at the cut goes"
    assert one(None)[0] == one(" \t ")[0] == ""


@given(name=st.text(max_size=200), style=st.sampled_from([NACHA, PAIN]))
def test_spelt__only_what_the_format_takes(name: str, style: Style) -> None:
    """Whatever stands in the file: allowed signs, at most the field, no blank at an end, and the same again."""
    text, found = one(name, style)
    assert re.fullmatch(f"(?:{style.allowed}){{0,{style.most}}}", text)
    assert text == text.rstrip()
    assert not style.upper or text == text.upper()
    if found.lost == {} and not found.spelt[0] and not found.cut[0]:
        plain = re.sub(r"[\x00-\x20\x7f]+", " ", name).strip()
        assert text == (plain.upper() if style.upper else plain), "what the format takes stays as it is"
    assert one(text, style)[0] == text
