"""The samples in plain Python, which tests and benchmarks compare with those in Rust."""

from collections.abc import Sequence
from math import isfinite

_LARGEST = 2**63 - 1


def add(left: int, right: int) -> int:
    return _fit_into_64_bits(_fit_into_64_bits(left) + _fit_into_64_bits(right))


def subtract(left: int, right: int) -> int:
    return _fit_into_64_bits(_fit_into_64_bits(left) - _fit_into_64_bits(right))


def concat(left: str, right: str) -> str:
    return left + right


def count_close_pairs(points: Sequence[tuple[float, float]], radius: float) -> int:
    if not 1e-150 <= radius <= 1e150:
        raise ValueError("radius must be from 1e-150 to 1e150")
    if not all(isfinite(x) and isfinite(y) for x, y in points):
        raise ValueError("points must not hold NaN or infinity")
    limit = radius * radius
    count = 0
    for i, (x, y) in enumerate(points):
        for u, v in points[i + 1 :]:
            dx, dy = u - x, v - y
            if dx * dx + dy * dy <= limit:
                count += 1
    return count


def _fit_into_64_bits(value: int) -> int:
    if not -_LARGEST - 1 <= value <= _LARGEST:
        raise OverflowError("the result does not fit into 64 bits")
    return value
