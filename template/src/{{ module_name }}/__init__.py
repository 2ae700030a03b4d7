"""Public interface: what is listed in `__all__` is kept stable."""

import sys
from types import ModuleType

from . import _accelerate

if not _accelerate.__file__:  # the folder with the stubs is all there is
    raise ImportError(f"{_accelerate.__name__} is not compiled: run `make init` or `pip install .`")


def _register_submodules(module: ModuleType) -> None:
    """Let the submodules be imported by name: Python has no folder in which to look for them."""
    for name, member in vars(module).copy().items():
        if isinstance(member, ModuleType):
            member.__name__ = f"{module.__name__}.{name}"
            sys.modules[member.__name__] = member
            _register_submodules(member)


_register_submodules(_accelerate)

from ._accelerate import VERSION, count_close_pairs  # noqa: E402
from ._accelerate.basic_functions import add_in_rust, concat_in_rust, subtract_in_rust  # noqa: E402

__all__ = [
    "__version__",
    "add_in_rust",
    "concat_in_rust",
    "count_close_pairs",
    "subtract_in_rust",
]
__version__ = VERSION
