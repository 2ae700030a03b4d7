# Written by `make stubs`.
from collections.abc import Sequence
from typing import Final

from . import basic_functions as basic_functions

__all__ = ["DEBUG", "VERSION", "basic_functions", "count_close_pairs"]

DEBUG: Final[bool]
"""Whether the compiler did not optimise, as in editable installs: measure speed on a wheel."""

VERSION: Final[str]
"""The version of the package, spelled as Cargo does: `1.0.0-rc.0` is Python's `1.0.0rc0`."""

def count_close_pairs(points: Sequence[tuple[float, float]], radius: float) -> int:
    """Count the pairs of points that are at most `radius` apart.

    Every pair is looked at, so time grows with the square of the number of points. Other Python
    threads run meanwhile.

    Args:
        points: Coordinates `(x, y)`, finite numbers.
        radius: Largest distance of a close pair, in the unit of the coordinates.

    Returns:
        The number of pairs, each counted once.

    Raises:
        TypeError: `points` is not a sequence of pairs of numbers, or `radius` is not a number.
        ValueError: A coordinate is NaN or infinite, or `radius` is negative, NaN or infinite.
    """
