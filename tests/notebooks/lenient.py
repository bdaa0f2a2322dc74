"""An nbval plugin: pictures, tables as HTML and warnings are not compared, text in marked cells is.

A fraction may differ by one in its last printed place. Another processor adds in another order, and what lies between
two printed numbers, such as the half of a tenth, is rounded down on one machine and up on the next.
"""

import re
from decimal import Decimal

from nbval.plugin import IPyNbCell

FRACTION = re.compile(r"([-+−]?\d+\.\d+)")


class Printed(str):
    """Text that equals another with the same words and whole numbers, and fractions that are at most one place away."""

    __hash__ = str.__hash__

    def __eq__(self, other):
        ours, theirs = FRACTION.split(self), FRACTION.split(other)
        return ours[::2] == theirs[::2] and all(map(_close, ours[1::2], theirs[1::2]))

    def __ne__(self, other):
        return not self == other


def _close(ours, theirs):
    first, second = (Decimal(one.replace("−", "-")) for one in (ours, theirs))
    place = first.as_tuple().exponent
    return place == second.as_tuple().exponent and abs(first - second) <= Decimal(1).scaleb(place)


def pytest_configure(config):
    plain = IPyNbCell.sanitize

    def sanitize(cell, given):
        told = plain(cell, given)
        return Printed(told) if isinstance(told, str) else told
    IPyNbCell.sanitize = sanitize


def pytest_collectstart(collector):
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("text/html", "stderr", "image/webp")
