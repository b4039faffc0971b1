"""The version number after removal: the minor part plus one (CSMS 68340863, CATAIR ESQ JB 16-20)."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from cape_engine import bridge
from cape_engine.bridge import Bools
from cape_engine.schema import facts as f

FIRST_VERSION = "00100"
_LAST_MINOR = 99
_DIGITS = 5


def next_version(version: str) -> str | None:
    """`00100` becomes `00101`; None after minor 99, and for what is not five digits.

    >>> next_version("00100")
    '00101'
    """
    if len(version) != _DIGITS or not (version.isascii() and version.isdigit()) or int(version[3:]) == _LAST_MINOR:
        return None
    return f"{version[:3]}{int(version[3:]) + 1:02d}"


def new_versions(entries: pa.Table) -> tuple[pa.DictionaryArray, Bools]:
    """(new version of each entry, whether it has none left). An unknown version counts as `00100`.

    Args:
        entries: the entries of a partition.
    """
    codes, words = bridge.codes(entries, f.VERSION)
    after = [next_version(word.strip()) if word.strip() else next_version(FIRST_VERSION) for word in words]
    after.append(next_version(FIRST_VERSION))
    vocabulary = sorted({word for word in after if word is not None})
    place = {word: index for index, word in enumerate(vocabulary)}
    new = np.array([-1 if word is None else place[word] for word in after], np.int32)[codes]
    return bridge.words(new, vocabulary), new < 0
