"""Makes a test of each notebook in this folder."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Switch nbmake on, which runs them."""
    config.option.nbmake = True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let warnings be warnings here: they come from Jupyter."""
    for item in items:
        if item.path.suffix == ".ipynb":
            item.add_marker(pytest.mark.filterwarnings("default"))
