"""Account and routing numbers as they may be shown: masked to the last four, and less of a short one."""

from __future__ import annotations

_SHOWN = 4
_MASK = "****"


def masked(number: str | None) -> str | None:
    """A number as it may be shown: stars and its last four characters, at most half of it.

    Args:
        number: an account or routing number; None stays None.
    """
    if number is None:
        return None
    shown = min(_SHOWN, len(number) // 2)
    return _MASK + number[len(number) - shown :]
