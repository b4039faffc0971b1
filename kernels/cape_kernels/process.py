"""Mass processing in one walk: both modes of every line, entry by entry."""

from __future__ import annotations

import numpy as np

from cape_kernels import status as s
from cape_kernels._jit import helper, kernel
from cape_kernels.general import tell, treat_generally
from cape_kernels.ordinary import (
    CUSTOMARY_TARIFFS,
    ieepa_duty_of,
    plain_line,
    replaced_line,
    sort_lines,
    survey,
    words_of,
    write_survey,
)
from cape_kernels.scan import Facts
from cape_kernels.tables import (
    ENTRIES_TYPE,
    LAW_TYPE,
    LINES_TYPE,
    MARK_CHAPTER98,
    MARK_CHARGING,
    MARK_IEEPA,
    MARK_INACTIVE,
    MARK_OUTSIDE,
    MARK_SECTION122,
    ORDINARY_BITS,
    ORIGIN_COLUMN2,
    ORIGIN_DISPLACED,
    OUTS_TYPE,
    POLICY_TYPE,
    QUANTITIES_TYPE,
    REPLACED_WEIGHTS,
    REST_AT,
    REST_GAP,
    REST_LINE,
    REST_WEIGHTS,
    SPI_NONE,
    SURVEY_LINES,
    TARIFFS_TYPE,
    WEIGHT_BASE,
    WEIGHT_BITS,
    WEIGHT_REPLACES,
    WORK_TYPE,
)


@helper
def flags_of(notes, seen, known):  # type: ignore[no-untyped-def]
    """Flags of an entry from the notes on its lines and the marks of its numbers."""
    flags = np.int64(0)
    if notes & s.NOTE_BUNDLED:
        flags |= s.FLAG_BUNDLED_DUTY
    if notes & s.NOTE_ABOVE_RATE:
        flags |= s.FLAG_IEEPA_ABOVE_RATE
    if notes & s.NOTE_AVE:
        flags |= s.FLAG_COLUMN1_AT_OR_ABOVE_15
    if notes & s.NOTE_RESTORED:
        flags |= s.FLAG_COLUMN1_RESTORED
    if notes & s.NOTE_LAYOUT:
        flags |= s.FLAG_REPLACEMENT_LAYOUT_UNKNOWN
    if notes & s.NOTE_MOVED:
        flags |= s.FLAG_VALUE_MOVED
    if notes & s.NOTE_DOUBLE:
        flags |= s.FLAG_VALUE_DOUBLE
    if notes & s.NOTE_NOT_PLACED:
        flags |= s.FLAG_VALUE_NOT_PLACED
    if notes & s.NOTE_DISPLACED:
        flags |= s.FLAG_DISPLACED_232
    if notes & s.NOTE_GAP:
        flags |= s.FLAG_MODE_GAP
    if seen & MARK_OUTSIDE:
        flags |= s.FLAG_OUTSIDE_OWN_DATES
    if seen & MARK_CHAPTER98:
        flags |= s.FLAG_CHAPTER_98
    if known == 0:
        flags |= s.FLAG_NOT_RECOMPUTABLE
    return flags


@helper
def trial_of_entry(seen, ieepa_duty):  # type: ignore[no-untyped-def]
    """Trial bits of an entry from the marks of its numbers (handbook 4.4 and 5.9)."""
    trial = np.int64(0)
    if seen & MARK_INACTIVE:
        trial |= s.TRIAL_NUMBER_INACTIVE
    if seen & MARK_OUTSIDE:
        trial |= s.TRIAL_IEEPA_INACTIVE
    if seen & MARK_CHARGING == 0:
        trial |= s.TRIAL_NO_CHARGING_NUMBER
        if seen & MARK_SECTION122:
            trial |= s.TRIAL_SECTION_122_ONLY
    if seen & MARK_IEEPA == 0:
        trial |= s.TRIAL_NO_IEEPA_NUMBER
    if ieepa_duty == 0:
        trial |= s.TRIAL_NO_IEEPA_AMOUNT
    return trial


@helper
def write_plain(line, last, found, line_out, tariff_out):  # type: ignore[no-untyped-def]
    """What detail asks for of an ordinary line, where the survey does not know it."""
    line_out.gap[line] = found.gap
    line_out.known[line] = found.known
    if found.rule != s.RULE_NONE:
        tariff_out.change[last] = s.CHANGE_RESTORED if found.restored != 0 else s.CHANGE_KEPT
        tariff_out.rule[last] = found.rule
        tariff_out.duty[last] = found.new_base


@kernel((ENTRIES_TYPE, LINES_TYPE, TARIFFS_TYPE, QUANTITIES_TYPE, LAW_TYPE, POLICY_TYPE, WORK_TYPE, OUTS_TYPE))
def process_lines(entries, lines, tariffs, quantities, law, policy, work, outs):  # type: ignore[no-untyped-def]
    """Write the new version of every entry, its trial and flags, and what detail asks for of lines and numbers.

    Arguments: see `tables`.

    An ordinary line has one chapter 1-97 number at its end, the value on it, before it nothing but chapter 99 numbers
    our tables know, at most one of them a replacement, and no IEEPA number that carries more than its rate. Everything
    else goes the general way, which gives the same answer for ordinary lines. Sums stay in int64 because no duty is
    above `LARGEST_DUTY_CENTS`.
    """
    out, line_out, tariff_out, told = outs
    data = (tariffs, quantities)
    # Mode B of each number, and the price of each line, are worked out on the general way only.
    all_generally = policy.duties == 1 or policy.prices == 1
    ends = work.ends
    room = len(work.survey) // 2 - 1
    line = odd = np.int64(0)
    ends[0] = 0
    for entry in range(len(entries.lines)):
        filed = removed = ieepa_duty = restored = gaps = np.int64(0)
        seen = notes = trial = flags = np.int64(0)
        known = np.int64(1)
        last_line = line + entries.lines[entry]
        while line < last_line:
            # --- as many lines as have one rate date and fit the survey ---
            own = lines.odd[odd] == line
            period = np.int64(lines.odd_period[odd]) if own else np.int64(entries.period[entry])
            day = np.int64(lines.odd_day[odd]) if own else np.int64(entries.day[entry])
            component = np.int64(lines.odd_component[odd]) if own else np.int64(0)
            text_row = np.int64(lines.odd_text[odd]) if own else np.int64(-1)
            most = np.int64(1) if own else min(last_line, np.int64(lines.odd[odd]), line + SURVEY_LINES) - line
            first = ends[0]
            count = np.int64(0)
            while count < most and ends[count] + lines.tariffs[line + count] - first <= room:
                ends[count + 1] = ends[count] + lines.tariffs[line + count]
                count += 1
            end = ends[count]
            barred = component == 1 or text_row >= 0 or all_generally
            sums = survey(first, end, period, tariffs, law, policy.tolerance_cents, work.survey)
            filed += sums.filed
            removed += sums.removed
            seen |= sums.seen
            if policy.apart == 1:
                ieepa_duty += ieepa_duty_of(first, end, period, tariffs.number, tariffs.duty, law.place, law.rulings)
            else:
                ieepa_duty += sums.removed
            if policy.detail == 1:
                write_survey(first, end, period, tariffs, law, tariff_out)
            tolerance = np.int64(-1) if barred else policy.tolerance_cents
            span = (count, line)
            left, gap = sort_lines(span, period, tolerance, lines, tariffs, law, policy, work, line_out)
            gaps += gap
            for place in range(left):
                each = work.rest[REST_LINE, place]
                weights = work.rest[REST_WEIGHTS, place]
                origin, spi = words_of(lines, law, policy, line + each, period)
                facts = Facts(
                    ends[each],
                    ends[each + 1] - ends[each],
                    period,
                    day,
                    component,
                    spi,
                    origin & ORIGIN_COLUMN2,
                    text_row,
                    np.int64(origin & ORIGIN_DISPLACED != 0),
                )
                at = work.rest[REST_AT, place]
                last = ends[each + 1] - 1
                ordinary = weights & ORDINARY_BITS == WEIGHT_BASE and 0 < facts.size <= CUSTOMARY_TARIFFS
                ordinary = ordinary and law.rulings[at]["base"] != 0 and tariffs.value[last] > 0 and not all_generally
                if component == 1:
                    # A component carries no duty: what it keeps is what mode A and mode B differ by.
                    kept = sums.filed - sums.removed
                    ordinary = ordinary and weights & (WEIGHT_BITS * WEIGHT_REPLACES) == 0 and text_row < 0
                    if ordinary and facts.displaced == 0 and abs(kept) <= policy.tolerance_cents:
                        gaps += kept
                        if policy.detail == 1:
                            line_out.gap[line + each] = kept
                            line_out.known[line + each] = 1
                        continue
                elif ordinary and text_row < 0 and facts.column2 == 0:
                    if weights == REPLACED_WEIGHTS and spi == SPI_NONE and facts.displaced == 0 and policy.restore == 1:
                        found = replaced_line(facts, at, work.rest[REST_GAP, place], tariffs, law, policy)
                    else:
                        found = plain_line(facts, at, weights, work.rest[REST_GAP, place], data, law, policy, work)
                    if found.ordinary == 1:
                        restored += found.restored
                        gaps += found.gap
                        known &= found.known
                        notes |= found.notes
                        if found.notes & s.NOTES_TOLD:
                            tell(told, entry, line + each, found.notes, s.OK)
                        if policy.detail == 1:
                            write_plain(line + each, last, found, line_out, tariff_out)
                        continue
                if facts.size > CUSTOMARY_TARIFFS:
                    flags |= s.FLAG_MANY_TARIFFS_ON_LINE
                added = treat_generally((entry, line + each), facts, data, law, policy, work, outs)
                filed += added.filed
                removed += added.removed
                ieepa_duty += added.ieepa_duty
                restored += added.restored
                gaps += added.gap
                known &= added.known
                trial |= added.trial
                notes |= added.notes
            ends[0] = ends[count]
            line += count
            odd += np.int64(own)
        if known == 1 and (
            abs(gaps) > policy.tolerance_cents
            or (policy.summary_inclusive == 0 and abs(gaps) == policy.tolerance_cents)
        ):
            flags |= s.FLAG_MODE_GAP
        out.filed[entry] = filed
        out.removed[entry] = removed
        out.restored[entry] = restored
        out.recomputed[entry] = filed - removed + restored - gaps if known == 1 else 0
        out.known[entry] = known
        out.trial[entry] = trial | trial_of_entry(seen, ieepa_duty)
        out.flags[entry] = flags | flags_of(notes, seen, known)
