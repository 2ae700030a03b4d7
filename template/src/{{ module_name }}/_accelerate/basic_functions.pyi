# Written by `make stubs`.
"""Arithmetic on 64-bit integers, and concatenation of strings."""

__all__ = ["add_in_rust", "concat_in_rust", "subtract_in_rust"]

def add_in_rust(left: int, right: int) -> int:
    """Add two integers.

    Args:
        left: First addend, a 64-bit integer.
        right: Second addend, a 64-bit integer.

    Returns:
        The sum.

    Raises:
        OverflowError: An argument or the sum does not fit into 64 bits.
    """

def concat_in_rust(left: str, right: str) -> str:
    """Concatenate two strings.

    Args:
        left: First part.
        right: Second part.

    Returns:
        Both parts in one string.

    Raises:
        UnicodeEncodeError: An argument holds a lone surrogate, which UTF-8 cannot express.
    """

def subtract_in_rust(left: int, right: int) -> int:
    """Subtract one integer from another.

    Args:
        left: The 64-bit integer to subtract from.
        right: The 64-bit integer to subtract.

    Returns:
        The difference `left - right`.

    Raises:
        OverflowError: An argument or the difference does not fit into 64 bits.
    """
