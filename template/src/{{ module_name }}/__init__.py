"""Public interface: what is listed in `__all__` is kept stable."""

from ._accelerate import VERSION, count_close_pairs
from ._accelerate.basic_functions import add_in_rust, concat_in_rust, subtract_in_rust

__all__ = [
    "__version__",
    "add_in_rust",
    "concat_in_rust",
    "count_close_pairs",
    "subtract_in_rust",
]
__version__ = VERSION
