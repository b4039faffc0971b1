"""Codes that travel between the components: what a trial removal found, flags of an entry, standing in liquidation.

The components do not know each other; the pipeline hands these from one to the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag

import numpy as np
import numpy.typing as npt


class Trial(IntFlag):
    """What the trial removal found on an entry; the claim portal's dated rules decide what that means on a day."""

    NO_CHARGING_NUMBER = 1 << 0  # no number of class additional or replacement (presence rule kind_duty)
    NO_IEEPA_NUMBER = 1 << 1  # none of the 166 at all (presence rule any)
    NO_IEEPA_AMOUNT = 1 << 2  # no duty on any of them (presence rule amount)
    SECTION_122_ONLY = 1 << 3  # section 122 numbers, and no charging IEEPA number
    ORDER_BROKEN = 1 << 4  # 98 -> 99 -> 1-97 does not hold (ED 852)
    PARTNER_MISSING = 1 << 5  # an add, replace or derived number has no partner, or the line has IEEPA numbers only
    NUMBER_INACTIVE = 1 << 6  # a remaining number lies outside its dates, or a 9903.01/.02 number never existed
    IEEPA_INACTIVE = 1 << 7  # an IEEPA number lies outside its row (counts only with mass.invalid_hts_scope = all)
    VALUE_ON_IEEPA = 1 << 8  # goods value on an IEEPA number
    VALUE_MISSING_BASE = 1 << 9  # no goods value on the chapter 1-97 number
    UNABLE = 1 << 10  # the duty without the IEEPA numbers cannot be calculated


class Flag(IntFlag):
    """What a person should know about an entry; the names are the words of the `flags` column."""

    BILL_FLAG = 1 << 0
    BUNDLED_DUTY = 1 << 1
    CHAPTER_98 = 1 << 2
    COLUMN1_AT_OR_ABOVE_15 = 1 << 3
    COLUMN1_RESTORED = 1 << 4
    DEEMED_LIMIT = 1 << 5
    DISPLACED_232 = 1 << 6
    HELD = 1 << 7
    HMF_DE_MINIMIS_AFTER_REMOVAL = 1 << 8
    IEEPA_ABOVE_RATE = 1 << 9
    IN_REVIEW = 1 << 10
    INTEREST_RATE_MISSING = 1 << 11
    MAIL_FEE_496_NO_LONGER_ALLOWED = 1 << 12
    MANY_TARIFFS_ON_LINE = 1 << 13
    MODE_GAP = 1 << 14
    NOT_RECOMPUTABLE = 1 << 15
    OUTSIDE_OWN_DATES = 1 << 16
    REPLACEMENT_LAYOUT_UNKNOWN = 1 << 17
    SCHEDULED_LIQUIDATION = 1 << 18
    SMALL_DIFFERENCE = 1 << 19
    VALUE_DOUBLE = 1 << 20
    VALUE_MOVED = 1 << 21
    VALUE_NOT_PLACED = 1 << 22
    VERSION_EXHAUSTED = 1 << 23
    WINDOW_MISSED = 1 << 24
    ZERO_REFUND = 1 << 25


class Change(IntEnum):
    """What happened to a tariff number; the names, lower case, are the words of the `change` column."""

    KEPT = 0
    REMOVED = 1
    RESTORED = 2
    MOVED_VALUE = 3


class Action(IntEnum):
    """What the schedule does; the names, lower case, are the words of the `action` column."""

    NONE = 0
    LIQUIDATE = 1
    RELIQUIDATE = 2
    WAIT = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """Where each entry stands in the life of 19 USC 1504 and 1501, one value per entry.

    Attributes:
        liquidated_day: int32 day of the liquidation that starts the 80 and 90 days, deemed ones included; NO_DAY if
            none.
        deemed: the day above is the anniversary on which the law liquidated the entry.
        held: accepted and waiting: extended, suspended, under review, warehouse, AD/CVD.
        held_by_plan: outside the scope announced in March 2026 (phase.hold_policy = reject): held, or warehouse goods.
        no_status: ACE shows no liquidation status.
        refused: the facts contradict each other; the entry is refused with a finding.
    """

    liquidated_day: npt.NDArray[np.int32]
    deemed: npt.NDArray[np.bool_]
    held: npt.NDArray[np.bool_]
    held_by_plan: npt.NDArray[np.bool_]
    no_status: npt.NDArray[np.bool_]
    refused: npt.NDArray[np.bool_]
