"""Names as bank formats take them: which signs are allowed, how others are spelt, and where a name is cut.

The rule, in this order:

1. Blanks, tabs and control signs become one blank; blanks around the name go.
2. Letters are decomposed (Unicode NFKD) and lose their marks: `Ü` is `U`, `é` is `e`, `ﬁ` is `fi`.
3. Letters and signs that do not decompose are spelt by `SPELLINGS`: `ß` is `ss`, `Æ` is `AE`, a curly quote is plain.
4. What the format still does not allow becomes a full stop; in pain.001 `&` becomes `+`.
5. NACHA names are upper case. A name longer than its field is cut at the field's end.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Bools

INSTEAD = "."
"""Stands where a sign cannot be shown."""
SPELLINGS = {
    **str.maketrans("ØøŁłĐđÐðĦħıĸŊŋŦŧ", "OoLlDdDdHhikNnTt"),
    **str.maketrans({"ß": "ss", "ẞ": "SS", "Æ": "AE", "æ": "ae", "Œ": "OE", "œ": "oe", "Þ": "TH", "þ": "th"}),
    **dict.fromkeys(range(0x2018, 0x201C), "'"),  # single quotation marks
    **dict.fromkeys(range(0x201C, 0x2020), '"'),  # double ones
    **dict.fromkeys(range(0x2010, 0x2016), "-"),  # dashes
    0x02BC: "'",
    0x2212: "-",
    0x2044: "/",
    0x00B7: ".",
    0x2022: ".",
    0x00AB: '"',
    0x00BB: '"',
}
"""Letters and signs that Unicode does not decompose."""


@dataclass(frozen=True, slots=True)
class Style:
    """What a format takes as a name.

    Attributes:
        name: of the format.
        most: characters of the field.
        allowed: pattern of one allowed sign.
        upper: whether letters are upper case.
        instead: further spellings.
    """

    name: str
    most: int
    allowed: str
    upper: bool
    instead: tuple[tuple[str, str], ...] = ()


NACHA = Style("nacha", 22, r"[ -~]", upper=True)
"""Printable ASCII, 22 characters: positions 55 to 76 of an entry."""
PAIN = Style("pain.001", 140, r"[A-Za-z0-9/?:().,'+ \-]", upper=False, instead=(("&", "+"),))
"""The Latin set that banks agreed on for ISO 20022 (SWIFT character set x), 140 characters."""


@dataclass(frozen=True, slots=True)
class Spelt:
    """Names as a format takes them.

    Attributes:
        texts: at most `Style.most` characters; empty where no name is given.
        spelt: which had a sign that is spelt otherwise (not the case of letters).
        lost: by place, the signs that stand as `INSTEAD`.
        cut: which were longer than the field.
    """

    texts: pa.Array
    spelt: Bools
    lost: dict[int, str]
    cut: Bools


def spelt(names: pa.Array, style: Style) -> Spelt:
    """Names by the rule of this module.

    Args:
        names: texts; null and blank are no name.
        style: of the format.
    """
    given = _single_blanks(pc.fill_null(names, ""))
    clean = pc.match_substring_regex(given, f"^{style.allowed}*$").to_numpy(zero_copy_only=False)
    changed, lost = np.zeros(len(given), np.bool_), {}
    whole = given
    other = np.flatnonzero(~clean)
    if len(other):
        texts = given.take(pa.array(other)).to_pylist()
        shown = []
        for place, text in zip(other.tolist(), texts, strict=True):
            one, signs = _spelt(text, style)
            shown.append(one)
            changed[place] = True
            if signs:
                lost[place] = signs
        # Signs that decompose to a blank and a mark leave blanks of their own.
        whole = pc.replace_with_mask(given, pa.array(~clean), _single_blanks(pa.array(shown, pa.string())))
    if style.upper:
        whole = pc.utf8_upper(whole)
    cut = (pc.utf8_length(whole).to_numpy(zero_copy_only=False)) > style.most
    return Spelt(pc.utf8_rtrim_whitespace(pc.utf8_slice_codeunits(whole, 0, style.most)), changed, lost, cut)


def _single_blanks(texts: pa.Array) -> pa.Array:
    """Texts with one blank where any blanks or control signs were, and none around."""
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(texts, r"[\s[:cntrl:]]+", " "))


def _spelt(text: str, style: Style) -> tuple[str, str]:
    """(the text spelt with allowed signs, the signs that could not be)."""
    shown = [_sign(sign, style) for sign in text]
    lost = dict.fromkeys(sign for sign, (_, known) in zip(text, shown, strict=True) if not known)
    return "".join(spelling for spelling, _ in shown), "".join(lost)


@cache
def _sign(sign: str, style: Style) -> tuple[str, bool]:
    """(how a sign is spelt, whether that is more than a full stop in its place)."""
    if re.fullmatch(style.allowed, sign):
        return sign, True
    further = dict(style.instead)
    plain = unicodedata.normalize("NFKD", sign).translate(SPELLINGS)
    plain = "".join(further.get(one, one) for one in plain if not unicodedata.combining(one))
    if not plain and unicodedata.combining(sign):
        return "", True
    if plain and all(re.fullmatch(style.allowed, one) for one in plain):
        return plain, True
    return INSTEAD, False
