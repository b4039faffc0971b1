"""What the shape of a line means in a period, worked out once for many lines."""

from __future__ import annotations

import numpy as np

from cape_kernels._jit import helper, routine
from cape_kernels.tables import (
    MARK_CHARGED,
    MARK_COMPARED,
    MARK_METAL,
    MARK_REMOVED,
    MARK_REPLACES,
    ORIGIN_COLUMN2,
    ORIGIN_DISPLACED,
    ROAD_COMPONENT,
    ROAD_LEFT,
    ROAD_PLAIN,
    ROAD_REPLACED,
    ROAD_SINGLE,
    SHAPE_COMPONENT,
    SHAPE_VALUED,
    SHORT_ROAD,
    SPI_NONE,
    WEIGHT_REPLACES,
)

_at = np.uint64


@helper
def ruling_of(places, number, period):  # type: ignore[no-untyped-def]
    """Place of the ruling on a number in a period."""
    place = np.int64(places[_at(number)])
    return place if place >= 0 else period - place - 1


@routine
def make_program(place, tag, asked, shapes, law, policy, programs):  # type: ignore[no-untyped-def]
    """Write the program of a shape in a period; `asked` is (shape, period).

    Programs share places: of two that fall on one the later stays, so memory does not grow with the shapes.
    """
    shape, period = asked
    program = programs[place]
    before = np.int64(shapes.size[shape]) - 1
    marks = weights = replaces = np.int64(0)
    program["rate_1"] = program["rate_2"] = program["rate_3"] = 0
    program["removed_1"] = program["removed_2"] = program["removed_3"] = 0
    program["compared_1"] = program["compared_2"] = program["compared_3"] = 0
    program["charged_1"] = program["charged_2"] = program["charged_3"] = 0
    for column in range(before):
        number = shapes.before[shapes.start[shape] + column]
        ruling = law.rulings[ruling_of(law.place, number, period)]
        own = np.int64(ruling["marks"])
        marks |= own
        weights += np.int64(ruling["weights"])
        if own & MARK_REPLACES:
            replaces = np.int64(column)
        removed = np.int8(-1) if own & MARK_REMOVED else np.int8(0)
        compared = np.int8(-1) if own & MARK_COMPARED else np.int8(0)
        charged = np.int8(-1) if own & MARK_CHARGED else np.int8(0)
        if column == 0:
            program["rate_1"], program["removed_1"] = ruling["rate_e9"], removed
            program["compared_1"], program["charged_1"] = compared, charged
        elif column == 1:
            program["rate_2"], program["removed_2"] = ruling["rate_e9"], removed
            program["compared_2"], program["charged_2"] = compared, charged
        elif column == 2:
            program["rate_3"], program["removed_3"] = ruling["rate_e9"], removed
            program["compared_3"], program["charged_3"] = compared, charged
    origin = np.int64(law.origins[period * policy.origins + 1 + shapes.origin[shape]])
    spi = np.int64(law.spis[period * policy.spis + 1 + shapes.spi[shape]])
    shape_marks = np.int64(shapes.marks[shape])
    program["marks"] = marks
    program["weights"] = weights
    program["watched"] = MARK_METAL if origin & ORIGIN_DISPLACED else 0
    program["before"] = before
    program["there_1"] = -1 if before > 0 else 0
    program["there_2"] = -1 if before > 1 else 0
    program["there_3"] = -1 if before > 2 else 0
    program["spi"] = spi
    program["origin"] = origin
    program["shape_marks"] = shape_marks
    program["marks"] = marks
    program["weights"] = weights
    program["watched"] = MARK_METAL if origin & ORIGIN_DISPLACED else 0
    program["before"] = before
    program["there_1"] = -1 if before > 0 else 0
    program["there_2"] = -1 if before > 1 else 0
    program["there_3"] = -1 if before > 2 else 0
    program["spi"] = spi
    program["origin"] = origin
    program["shape_marks"] = shape_marks
    # Mode B of each number, the price of each line, texts that count first and what is removed beside the IEEPA numbers
    # are looked at line by line.
    all_left = policy.duties == 1 or policy.prices == 1 or policy.text_first == 1 or policy.apart == 1
    short = 0 <= before <= SHORT_ROAD and shape_marks & SHAPE_VALUED == 0 and not all_left
    road = np.int64(ROAD_LEFT)
    if short and shape_marks & SHAPE_COMPONENT:
        if weights == 0 and origin & ORIGIN_DISPLACED == 0:
            road = np.int64(ROAD_COMPONENT)
    elif short and origin & ORIGIN_COLUMN2 == 0:
        if weights == 0:
            single = before == 1 and program["charged_1"] == 0 and spi == SPI_NONE
            road = np.int64(ROAD_SINGLE if single else ROAD_PLAIN)
        elif weights == WEIGHT_REPLACES and spi == SPI_NONE and origin & ORIGIN_DISPLACED == 0 and policy.restore == 1:
            road = ROAD_REPLACED + replaces
    program["road"] = road
    program["tag"] = tag
