"""The axis of a plot of bars: logarithmic where one bar is so long that the others could not be told apart, else linear from 0."""

import math

LOGARITHMIC_ABOVE = 20  # the largest value over the smallest
LINEAR_TICKS_MAX = 5


def exponent(value):
    return math.floor(math.log10(value))


class Axis:
    """From `smallest` to `largest`, which is at the end of the axis. A logarithmic one begins at a power of ten that is at most
    half of the smallest value, so that no bar is without length."""

    def __init__(self, smallest, largest):
        self.largest = largest or 1
        self.is_logarithmic = smallest > 0 and largest > smallest * LOGARITHMIC_ABOVE
        self.first_exponent = exponent(smallest / 2) if self.is_logarithmic else None

    def place(self, value):
        """Where on the axis the value stands, from 0 to 1."""
        if not self.is_logarithmic:
            return value / self.largest
        origin = 10.0 ** self.first_exponent
        return math.log(value / origin) / math.log(self.largest / origin)

    def ticks(self):
        """The values to be named: the powers of ten, or so many round ones."""
        if self.is_logarithmic:
            return [10.0 ** power for power in range(self.first_exponent, exponent(self.largest) + 1)]
        unit = 10.0 ** exponent(self.largest / LINEAR_TICKS_MAX)
        step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor * LINEAR_TICKS_MAX >= self.largest)
        return [step * i for i in range(math.floor(self.largest / step) + 1)]
