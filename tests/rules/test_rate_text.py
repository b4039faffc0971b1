"""Rate texts: what is read, what is refused, and how units choose the computation code."""

from __future__ import annotations

import pytest

from cape_engine.rules import load
from cape_engine.rules.rate_text import parse_rate_text, resolve

RULES = load()


@pytest.mark.parametrize(
    ("text", "units", "expected"),
    [
        ("Free", ("KG", "", ""), ("0", 0, "", 0, 0, "")),
        (" free ", ("", "", ""), ("0", 0, "", 0, 0, "")),
        ("3%", ("NO", "", ""), ("7", 0, "", 30_000_000, 0, "")),
        ("2.75 %", ("NO", "", ""), ("7", 0, "", 27_500_000, 0, "")),
        ("5.7¢/kg", ("KG", "", ""), ("1", 57_000_000, "KG", 0, 0, "")),
        ("5.7¢/kg", ("NO", "KG", ""), ("2", 57_000_000, "KG", 0, 0, "")),
        ("5.7¢/kg + 0.9%", ("KG", "", ""), ("4", 57_000_000, "KG", 9_000_000, 0, "")),
        ("0.9% + 5.7¢/kg", ("DOZ", "KG", ""), ("5", 57_000_000, "KG", 9_000_000, 0, "")),
        ("$1.104/kg + 14.9%", ("KG", "", ""), ("4", 1_104_000_000, "KG", 149_000_000, 0, "")),
        ("$4/1000", ("NO", "", ""), ("1", 4_000_000, "NO", 0, 0, "")),
        ("15.4¢/kg", ("G", "", ""), ("1", 154_000, "G", 0, 0, "")),
        ("5¢ each + 60%", ("NO", "", ""), ("4", 50_000_000, "NO", 600_000_000, 0, "")),
        ("5¢ each", ("PCS", "", ""), ("1", 50_000_000, "PCS", 0, 0, "")),
        ("1.9¢/liter + 13.9¢/pf. liter", ("L", "PFL", ""), ("3", 19_000_000, "L", 0, 139_000_000, "PFL")),
        ("13.9¢/pf.liter + 1.9¢/liter", ("L", "PFL", ""), ("3", 19_000_000, "L", 0, 139_000_000, "PFL")),
        ("88.2¢/kg + 55% + 12.5¢/ article", ("NO", "KG", ""), ("6", 125_000_000, "NO", 550_000_000, 882_000_000, "KG")),
        ("5¢/kg + 1%", ("NO", "M2", "KG"), ("D", 50_000_000, "KG", 10_000_000, 0, "")),
        ("$4.50 each + 65% + 25¢/jewel", ("", "", ""), ("6", 4_500_000_000, "NO", 650_000_000, 250_000_000, "JWL")),
    ],
)
def test_resolve__codes_and_slots(text: str, units: tuple[str, str, str], expected: tuple[object, ...]) -> None:
    """The unit of each part finds its quantity, and the quantities name the computation code."""
    parts = parse_rate_text(text)
    assert parts is not None
    rate = resolve(parts, units, RULES)
    assert rate is not None
    assert (
        rate.code,
        rate.specific_e9,
        rate.specific_unit,
        rate.ad_valorem_e9,
        rate.other_e9,
        rate.other_unit,
    ) == expected
    assert rate.text == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "See 98220401-98220403",
        "The rate applicable to the natural juice in heading 2009",
        "33 1/3%",
        "3",
        "0.03",
        "3% + 4%",
        "5.7¢",
        "5.7¢/kg +",
        "5.7¢/kg less 0.2¢/kg",
        "-3%",
        "3%%",
        "1e1%",
        "3.12345678%",
        "5.7¢/kg or 3%",
        "Free (KR)",
    ],
)
def test_parse_rate_text__refuses(text: str) -> None:
    """A text that is not wholly understood is not read at all."""
    assert parse_rate_text(text) is None


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("5.7¢/kg", ("NO", "", "")),
        ("5.7¢/furlong", ("KG", "", "")),
        ("0.000001¢/kg", ("G", "", "")),
        ("5.7¢/kg", ("NO", "L", "KG")),
    ],
)
def test_resolve__units_do_not_fit(text: str, units: tuple[str, str, str]) -> None:
    """A unit that the number does not report, or nobody knows, gives no rate: nothing is guessed."""
    parts = parse_rate_text(text)
    assert parts is not None
    assert resolve(parts, units, RULES) is None


def test_rate_parts__free() -> None:
    """Free is free; a rate of zero percent is a rate."""
    free, zero = parse_rate_text("Free"), parse_rate_text("0%")
    assert free is not None
    assert zero is not None
    assert free.free
    assert not zero.free
