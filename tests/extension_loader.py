"""Load the template's extensions the way Copier does: by path, into a sandbox."""

import importlib.util
from pathlib import Path
from types import ModuleType

from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

EXTENSIONS = Path(__file__).resolve().parents[1] / "extensions"


def load_module(name: str) -> ModuleType:
    """Execute one extension file and return it as a fresh module."""
    spec = importlib.util.spec_from_file_location(name, EXTENSIONS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def environment(module: ModuleType, extension: str) -> SandboxedEnvironment:
    """Return a Jinja environment with one extension of a module."""
    return SandboxedEnvironment(extensions=[getattr(module, extension)], undefined=StrictUndefined)
