"""Status codes that kernels write instead of raising: why a duty could not be computed, what stands out on a line."""

from __future__ import annotations

OK = 0
NO_ROW = 1  # the number has no rate on the rate date
NO_FORMULA = 2  # code X, C or 9, or a rule without a formula (CATAIR Appendix F)
NO_QUANTITY = 3  # quantity missing, or none in the unit of the rate
NO_VALUE = 4  # value missing, or nowhere on the line
TOO_LARGE = 5  # beyond `LARGEST_DUTY_CENTS`
NO_BASE = 6  # no chapter 1-97 number on the line
TWO_BASES = 7  # two of them where one is needed

NOTE_SPI_IGNORED = 1 << 0  # programme not listed, lapsed or unreadable: General used
NOTE_RATE_BASIS = 1 << 1  # rate on a special basis (drained weight, content ...)
NOTE_LAYOUT = 1 << 2  # neither layout of a replacement line
NOTE_AVE = 1 << 3  # column 1 at or above 15 % on a replacement line
NOTE_MOVED = 1 << 4  # value moved from the IEEPA record to the base number
NOTE_DOUBLE = 1 << 5  # value on both; the IEEPA copy is dropped
NOTE_NOT_PLACED = 1 << 6  # value on two IEEPA records, or nowhere
NOTE_MOVED_UNCOMPUTED = 1 << 7  # value moved, base duty kept because it cannot be computed
NOTE_ABOVE_RATE = 1 << 8  # an IEEPA number carries more than rate x value
NOTE_BUNDLED = 1 << 9  # and another duty number of the line shows 0
NOTE_OUTSIDE = 1 << 10  # an IEEPA number outside its own dates
NOTE_UNABLE = 1 << 11  # the duty without IEEPA cannot be calculated
NOTE_NOT_RECOMPUTABLE = 1 << 12  # mode B has no answer
NOTE_GAP = 1 << 13  # the two modes differ by more than the tolerance
NOTE_RESTORED = 1 << 14  # column 1 restored
NOTE_DISPLACED = 1 << 15  # metals of CA or MX on which IEEPA displaced section 232

NOTES_TOLD = (
    NOTE_SPI_IGNORED
    | NOTE_RATE_BASIS
    | NOTE_LAYOUT
    | NOTE_AVE
    | NOTE_MOVED
    | NOTE_DOUBLE
    | NOTE_NOT_PLACED
    | NOTE_MOVED_UNCOMPUTED
    | NOTE_ABOVE_RATE
    | NOTE_BUNDLED
    | NOTE_UNABLE
    | NOTE_GAP
    | NOTE_DISPLACED
)
"""Notes that are a finding about the line; the others speak through the flags of the entry."""

RULE_NONE = 0
RULE_ADDITIONAL = 1
RULE_REPLACEMENT = 2
RULE_EXEMPT = 3
RULE_RESTORED_FULL = 4
RULE_KEPT_SPLIT = 5
RULE_RESTORED_UNKNOWN = 6
RULE_MOVED = 7
RULE_MOVED_KEPT = 8
RULE_NOT_RESTORED = 9
RULE_RECOMPUTED = 10
RULE_KEPT_SET = 11
RULE_KEPT_98 = 12

LARGEST_DUTY_CENTS = 4_000_000_000_000
"""Largest duty of one number that is computed; record 50 holds 10^10 cents. A million of them still fit int64."""

# schema.codes of the engine; a test holds them equal (kernels import nothing of the engine).
TRIAL_NO_CHARGING_NUMBER = 1 << 0
TRIAL_NO_IEEPA_NUMBER = 1 << 1
TRIAL_NO_IEEPA_AMOUNT = 1 << 2
TRIAL_SECTION_122_ONLY = 1 << 3
TRIAL_ORDER_BROKEN = 1 << 4
TRIAL_PARTNER_MISSING = 1 << 5
TRIAL_NUMBER_INACTIVE = 1 << 6
TRIAL_IEEPA_INACTIVE = 1 << 7
TRIAL_VALUE_ON_IEEPA = 1 << 8
TRIAL_VALUE_MISSING_BASE = 1 << 9
TRIAL_UNABLE = 1 << 10
FLAG_BUNDLED_DUTY = 1 << 1
FLAG_CHAPTER_98 = 1 << 2
FLAG_COLUMN1_AT_OR_ABOVE_15 = 1 << 3
FLAG_COLUMN1_RESTORED = 1 << 4
FLAG_DISPLACED_232 = 1 << 6
FLAG_IEEPA_ABOVE_RATE = 1 << 9
FLAG_MANY_TARIFFS_ON_LINE = 1 << 13
FLAG_MODE_GAP = 1 << 14
FLAG_NOT_RECOMPUTABLE = 1 << 15
FLAG_OUTSIDE_OWN_DATES = 1 << 16
FLAG_REPLACEMENT_LAYOUT_UNKNOWN = 1 << 17
FLAG_VALUE_DOUBLE = 1 << 20
FLAG_VALUE_MOVED = 1 << 21
FLAG_VALUE_NOT_PLACED = 1 << 22
CHANGE_KEPT, CHANGE_REMOVED, CHANGE_RESTORED, CHANGE_MOVED_VALUE = 0, 1, 2, 3
