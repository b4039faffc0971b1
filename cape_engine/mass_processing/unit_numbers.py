"""Units of quantity as small numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cape_engine.bridge import readonly


@dataclass(slots=True)
class Units:
    """Unit codes as small whole numbers, given out as they appear."""

    index: dict[str, int] = field(default_factory=dict)

    def of(self, code: str) -> int:
        """Number of a unit code; -1 (any) for a blank one."""
        if not code:
            return -1
        return self.index.setdefault(code.upper(), len(self.index))

    def of_words(self, words: Sequence[str]) -> npt.NDArray[np.int16]:
        """Number of each word of a vocabulary, and -2 at the end for a missing unit."""
        return readonly(
            np.array([self.of(word.strip()) if word and word.strip() else -2 for word in words] + [-2], np.int16)
        )
