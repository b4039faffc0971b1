"""What a filer can do about each refused entry, and by which day (`failure_routes.csv`)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cape_engine.bridge import NO_DAY, Int8s, Int32s
from cape_engine.claim_portal.deadlines import Deadlines, passed
from cape_engine.errors import RuleFileError
from cape_engine.rules import Ruleset

NOTHING = -1
"""Place of an entry that needs no route."""


@dataclass(frozen=True, slots=True)
class Routed:
    """What to do, one value per entry.

    Attributes:
        place: int8 place of the route among `words`, `NOTHING` where there is nothing to do.
        words: (route, what to do), on time and late in turn.
        by: int32 last day for it; `NO_DAY` where none matters or none is known.
    """

    place: Int8s
    words: tuple[tuple[str, str], ...]
    by: Int32s


def routed(
    reasons: Sequence[Sequence[str]],
    which: npt.NDArray[np.integer],
    days: Deadlines,
    *,
    ruleset: Ruleset,
    as_of: dt.date,
) -> Routed:
    """The route of each entry: that of the first row of `failure_routes.csv` among its reasons.

    Args:
        reasons: distinct lists of reason codes.
        which: the list of each entry, shape (n,).
        days: its deadlines.
        ruleset: the routes.
        as_of: filing day; a day that has passed turns the route to its late form.

    Raises:
        RuleFileError: a reason has no route.
    """
    rank = {route.rule_id.upper(): place for place, route in enumerate(ruleset.failure_routes)}
    strange = {code for one in reasons for code in one} - set(rank)
    if strange:
        raise RuleFileError(f"failure_routes.csv: no row for {min(strange).lower()}; add what to do about it")
    first = np.array([min((rank[code] for code in one), default=NOTHING) for one in reasons], np.int64)[which]
    place = np.full(len(first), NOTHING, np.int8)
    by = np.full(len(first), NO_DAY, np.int32)
    words: list[tuple[str, str]] = []
    for number, route in enumerate(ruleset.failure_routes):
        words += [(route.route, route.remedy), (route.late_route, route.late_remedy)]
        chosen = first == number
        if not chosen.any():
            continue
        day = days.named(route.deadline)
        late = chosen & passed(day, as_of) if route.late_route else np.zeros(len(first), np.bool_)
        place[chosen] = 2 * number
        by[chosen] = day[chosen]
        place[late] = 2 * number + 1
        by[late] = days.named(route.late_deadline)[late]
    return Routed(place, tuple(words), by)
